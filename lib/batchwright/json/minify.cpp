#include <batchwright/json/json.hpp>

namespace batchwright::json {

void minify(std::string& json)
{
  bool inside = false; // a string
  bool escaped = false;
  std::size_t end = 0;
  for (const char c : json) {
    if (!inside && (c == ' ' || c == '\t' || c == '\n' || c == '\r')) continue;
    if (c == '"' && !escaped) inside = !inside;
    escaped = c == '\\' && !escaped;
    json[end++] = c; // never before what is read next
  }
  json.resize(end);
}

} // namespace batchwright::json
