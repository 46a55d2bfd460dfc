// The ends of a connection, made below TLS and below Poco. In: a descriptor. Never: closes it; that is its owner's.
#pragma once

namespace batchwright::emulator {

/// Whether the client has closed its end, by which it says that it waits no longer. Looks below TLS, whose last words
/// may lie unread before the end.
bool has_left(int fd);

/// Ends the connection with a FIN: what was sent arrives, then the end.
void close_connection(int fd);

/// Breaks the connection off with a RST, once what was sent has arrived (or after a second).
void reset_connection(int fd);

} // namespace batchwright::emulator
