#include <batchwright/json/json.hpp>
#include <batchwright/results/quarantine.hpp>

namespace batchwright::results {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";

/// The text with each byte that is not UTF-8 replaced.
std::string readable(std::string_view bytes)
{
  if (json::is_utf8(bytes)) return std::string{bytes};
  std::string text;
  for (;;) {
    const auto good = json::utf8_until(bytes);
    text.append(bytes.substr(0, good));
    if (good == bytes.size()) return text;
    text.append(replacement);
    bytes.remove_prefix(good + 1);
  }
}

} // namespace

void Quarantine::add(std::string_view reason, const std::filesystem::path& source, std::uint64_t offset,
                     std::string_view line, std::string_view custom_id)
{
  if (!m_file) m_file.emplace(m_path);
  m_record.clear();
  json::Writer record{m_record};
  record.begin_object()
      .member("reason", reason)
      .member("file", std::string_view{source.filename().native()})
      .member("byte", static_cast<std::int64_t>(offset))
      .member("bytes", static_cast<std::int64_t>(line.size()))
      .member("custom_id", custom_id.empty() ? std::nullopt : std::optional{std::string{custom_id}})
      .member("line", std::string_view{readable(line)})
      .end_object();
  m_record += '\n';
  m_file->write(m_record);
  ++m_count;
}

void Quarantine::commit()
{
  if (m_file) {
    m_file->commit();
  } else {
    discard_file(m_path);
  }
}

} // namespace batchwright::results
