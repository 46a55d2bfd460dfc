// Sends a prompt for each row of a CSV and brings the answers back in input order.
#include <batchwright/workspace/workspace.hpp>

#include <iostream>

int main(int argc, char** argv)
try {
  if (argc != 3) {
    std::cerr << "usage: reviews INPUT.csv ANSWERS.jsonl\n";
    return 64;
  }
  batchwright::catch_signals();     // Ctrl-C stops at a safe place; the same call goes on from there
  batchwright::Workspace workspace; // jobs, key and server: as the program has them

  batchwright::engine::Ask ask{.inputs = {argv[1]}};
  ask.job.request.model = "gpt-5.4-mini";
  ask.job.request.prompt = "In one word, how does the writer feel? {{text}}";
  ask.job.request.max_output_tokens = 200;

  const auto job = workspace.submit(ask); // sends: calling it is the consent to spend
  workspace.wait(job);
  const auto view = workspace.fetch(job, {.out = argv[2]});
  std::cout << view.items.succeeded << " answered, " << view.items.failed << " failed\n";
  return static_cast<int>(batchwright::exit_for(view));
} catch (const batchwright::Error& error) {
  std::cerr << error.what() << "\n  " << error.hint() << '\n';
  return static_cast<int>(batchwright::exit_for(error.fault()));
}
