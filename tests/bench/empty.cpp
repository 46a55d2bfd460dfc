// The floor of every start: a program that does nothing, linked to the shared libraries of ours.
int main() {}
