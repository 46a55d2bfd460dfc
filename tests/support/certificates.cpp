#include "tests/support/certificates.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <stdexcept>

namespace tests {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using File = std::unique_ptr<std::FILE, decltype(&std::fclose)>;

Key make_key()
{
  return {EVP_EC_gen("P-256"), EVP_PKEY_free};
}

void add_extension(X509* to, X509* issuer, int kind, const std::string& value)
{
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension{
      X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()), X509_EXTENSION_free};
  if (!extension) throw std::runtime_error{"no such extension: " + value};
  X509_add_ext(to, extension.get(), -1);
}

Certificate make_certificate(const std::string& common_name, EVP_PKEY* key)
{
  Certificate certificate{X509_new(), X509_free};
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 7);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key);
  const auto* name = reinterpret_cast<const unsigned char*>(common_name.c_str());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8, name, -1, -1, 0);
  return certificate;
}

File open_for_writing(const std::filesystem::path& path)
{
  return {std::fopen(path.c_str(), "w"), std::fclose};
}

} // namespace

struct Authority::State {
  std::filesystem::path directory;
  Key key = make_key();
  Certificate certificate = make_certificate("test authority", key.get());
};

Authority::Authority(const std::filesystem::path& directory) : m_state(new State{.directory = directory})
{
  auto* const own = m_state->certificate.get();
  X509_set_issuer_name(own, X509_get_subject_name(own));
  add_extension(own, own, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(own, own, NID_key_usage, "critical,keyCertSign");
  X509_sign(own, m_state->key.get(), EVP_sha256());
  PEM_write_X509(open_for_writing(ca_file()).get(), own);
}

Authority::~Authority() = default;

std::string Authority::ca_file() const
{
  return m_state->directory / "authority.pem";
}

ServerIdentity Authority::vouch_for(const std::string& name) const
{
  const auto key = make_key();
  const auto certificate = make_certificate("test server", key.get());
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(m_state->certificate.get()));
  add_extension(certificate.get(), m_state->certificate.get(), NID_subject_alt_name, name);
  X509_sign(certificate.get(), m_state->key.get(), EVP_sha256());
  const ServerIdentity identity{m_state->directory / "server.pem", m_state->directory / "server.key"};
  PEM_write_X509(open_for_writing(identity.certificate).get(), certificate.get());
  PEM_write_PrivateKey(open_for_writing(identity.key).get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return identity;
}

} // namespace tests
