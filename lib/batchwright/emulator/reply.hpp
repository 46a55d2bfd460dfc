// One call and its answer as values: what the rooms of the server pass to each other. No network here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <istream>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace batchwright::emulator {

inline constexpr std::string_view organization = "org-emulator";

struct Call {
  std::string method = {};
  std::string path = {};                              ///< decoded, without the query
  std::multimap<std::string, std::string> query = {}; ///< decoded; a name may come several times
  std::map<std::string, std::string> headers = {};    ///< names in lower case
  std::istream* body = nullptr;
  std::optional<std::uint64_t> content_length = {};
  bool answered = true;                   ///< false: it is already settled that the client will see no answer
  std::function<bool()> client_left = {}; ///< whether the client has closed its end; none: it has not

  /// The value of a header; empty when absent.
  std::string_view header(const std::string& name) const;
  /// Whom the call is made for: key, organisation and project; limits are counted by it.
  std::string account() const;
  /// Whether the client will see an answer that is given now.
  bool heard() const { return answered && !(client_left && client_left()); }
};

/// A piece of a file that is sent as a body.
struct FilePiece {
  enum class Afterwards {
    keep,
    remove ///< it was made for this reply
  };

  std::filesystem::path path = {};
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  Afterwards afterwards = Afterwards::keep;
};

struct Reply {
  int status = 200;
  std::string body = {};
  std::string content_type = "application/json";
  std::map<std::string, std::string> headers = {};
  std::optional<FilePiece> file = {}; ///< in place of `body`
  std::function<void()> lost = {};    ///< to be called when the client left before it had all of it; none: no matter
};

/// The members of the API's error object beside `message`; an empty one is null.
struct ErrorWords {
  std::string type = "invalid_request_error";
  std::string param = {};
  std::string code = {};
};

/// {"error":{"message","type","param","code"}}
std::string error_body(std::string_view message, const ErrorWords& words = {});
Reply error_reply(int status, std::string_view message, const ErrorWords& words = {});

/// An error that both a reply and a line of a batch can carry.
struct ApiError {
  int status = 400;
  std::string message = {};
  ErrorWords words = {};

  std::string body() const { return error_body(message, words); }
  operator Reply() const { return error_reply(status, message, words); }
};
ApiError missing_parameter(const std::string& parameter);
ApiError no_such_model(std::string_view model);

/// A body of JSON beyond this is refused unread; uploads are no JSON and go another way.
inline constexpr std::uint64_t largest_body = 32ULL << 20;

/// All of a request's body, or the refusal of one that is too large or ended before its announced length.
struct Body {
  std::string text = {};
  std::optional<Reply> refusal = {};
};
Body read_body(Call& call);
/// The API's words for a body that is no JSON object.
Reply no_json();

/// The number that all of a text is, 0 or more; nothing when it is none or does not fit.
std::optional<std::int64_t> whole_number(std::string_view digits);

/// A query value as a whole number within bounds, or the API's refusal.
struct Limit {
  std::int64_t value = 0;
  std::optional<Reply> refusal = {};
};
Limit limit_of(const Call& call, std::int64_t most, std::int64_t otherwise);

/// "/v1/files/*/content" matches "/v1/files/file-1/content"; a star is one segment that is not empty.
bool path_matches(std::string_view pattern, std::string_view path);

/// "file-" or "batch_" and 32 random digits.
std::string fresh_id(std::string_view prefix);

} // namespace batchwright::emulator
