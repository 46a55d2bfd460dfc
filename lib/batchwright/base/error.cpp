#include <batchwright/base/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

namespace batchwright {
namespace {

/// What a disk says that takes nothing more; another one would.
Fault fault_of_writing(int code)
{
  constexpr std::array of_disks{ENOSPC, EDQUOT, EFBIG, EROFS, EIO, EACCES, EPERM};
  return std::find(of_disks.begin(), of_disks.end(), code) != of_disks.end() ? Fault::disk : Fault::storage;
}

} // namespace

Exit exit_for(Fault fault)
{
  switch (fault) {
  case Fault::usage:
    return Exit::usage;
  case Fault::input:
    return Exit::input;
  case Fault::auth:
    return Exit::auth;
  case Fault::budget:
    return Exit::budget;
  case Fault::unfinished:
    return Exit::unfinished;
  case Fault::busy:
  case Fault::network:
    return Exit::temporary;
  case Fault::storage:
  case Fault::disk:
    return Exit::storage;
  case Fault::newer_state:
    return Exit::newer_state;
  case Fault::config:
    return Exit::config;
  case Fault::interrupted:
    return Exit::interrupted;
  case Fault::rejected:
  case Fault::bug:
    break;
  }
  return Exit::error;
}

Exit graver(Exit a, Exit b)
{
  constexpr std::array order{Exit::interrupted, Exit::terminated, Exit::newer_state, Exit::config,    Exit::storage,
                             Exit::input,       Exit::auth,       Exit::budget,      Exit::temporary, Exit::unfinished,
                             Exit::some_failed, Exit::usage,      Exit::error,       Exit::ok};
  return *std::find_if(order.begin(), order.end(), [&](Exit e) { return e == a || e == b; });
}

Error::Error(Fault fault, const std::string& message, std::string hint)
    : std::runtime_error(message), m_fault(fault), m_hint(std::move(hint))
{
}

Error Error::in(std::string_view doing) const
{
  Error e{m_fault, fmt::format("{}: {}", doing, what()), m_hint};
  e.m_place = m_place;
  return e;
}

Error Error::at(Place place) const
{
  Error e = *this;
  e.m_place = std::move(place);
  return e;
}

Error as_error(const std::exception_ptr& thrown)
{
  try {
    std::rethrow_exception(thrown);
  } catch (const Error& error) {
    return error;
  } catch (const std::filesystem::filesystem_error& error) {
    return Error{fault_of_writing(error.code().value()),
                 fmt::format("{}: {}", error.path1().native(), error.code().message())};
  } catch (const std::exception& error) {
    return Error{Fault::bug, error.what(), "please report this"};
  }
}

void throw_errno(std::string_view doing, std::string_view path)
{
  const int code = errno;
  throw Error{Fault::storage, fmt::format("{} {}: {}", doing, path, std::generic_category().message(code))};
}

void throw_unwritten(std::string_view doing, std::string_view path)
{
  const int code = errno;
  throw Error{fault_of_writing(code), fmt::format("{} {}: {}", doing, path, std::generic_category().message(code))};
}

void ensure(bool promise, std::string_view what)
{
  if (!promise) throw Error{Fault::bug, fmt::format("internal promise broken: {}", what), "please report this"};
}

} // namespace batchwright
