#include <batchwright/emulator/severing.hpp>

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <chrono>
#include <thread>

namespace batchwright::emulator {
namespace {

bool all_arrived(int fd)
{
  int waiting = 0;
  return ::ioctl(fd, SIOCOUTQ, &waiting) != 0 || waiting == 0;
}

} // namespace

bool has_left(int fd)
{
  pollfd look{.fd = fd, .events = POLLRDHUP, .revents = 0};
  return ::poll(&look, 1, 0) > 0 && (look.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

void close_connection(int fd)
{
  ::shutdown(fd, SHUT_RDWR);
}

void reset_connection(int fd)
{
  using namespace std::chrono_literals;
  for (auto waited = 0ms; waited < 1000ms && !all_arrived(fd); waited += 1ms)
    std::this_thread::sleep_for(1ms);
  // To connect to nowhere undoes a connection, and on Linux says so to the peer with a RST, whoever else holds the
  // descriptor.
  sockaddr nowhere{};
  nowhere.sa_family = AF_UNSPEC;
  ::connect(fd, &nowhere, sizeof nowhere);
}

} // namespace batchwright::emulator
