#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/emulator/tls_certificate.hpp>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

namespace batchwright::emulator {
namespace {

template<auto free>
struct Freed {
  template<class T>
  void operator()(T* object) const
  {
    free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>>;
using Memory = std::unique_ptr<BIO, Freed<BIO_free_all>>;

Key make_key()
{
  Key key{EVP_EC_gen("P-256")};
  ensure(key != nullptr, "OpenSSL makes a P-256 key");
  return key;
}

/// An unsigned certificate with a random serial number: two servers must not look like one with a changed key.
Certificate blank_certificate(const Key& key, const std::string& name)
{
  Certificate certificate{X509_new()};
  ensure(certificate != nullptr, "OpenSSL makes a certificate");
  X509_set_version(certificate.get(), X509_VERSION_3);
  std::uint32_t serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), (serial >> 1) + 1L);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 30L * 86'400);
  X509_set_pubkey(certificate.get(), key.get());
  const auto* text = reinterpret_cast<const unsigned char*>(name.c_str());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8, text, -1, -1, 0);
  return certificate;
}

void extend(const Certificate& certificate, const Certificate& issuer, int nid, const char* value)
{
  X509V3_CTX context = {};
  X509V3_set_ctx(&context, issuer.get(), certificate.get(), nullptr, nullptr, 0);
  const Extension extension{X509V3_EXT_conf_nid(nullptr, &context, nid, value)};
  ensure(extension != nullptr, "OpenSSL makes a certificate extension");
  X509_add_ext(certificate.get(), extension.get(), -1);
}

void sign(const Certificate& certificate, const Certificate& issuer, const Key& issuer_key)
{
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer.get()));
  ensure(X509_sign(certificate.get(), issuer_key.get(), EVP_sha256()) > 0, "OpenSSL signs a certificate");
}

std::string text_of(const Memory& memory)
{
  char* data = nullptr;
  const auto size = BIO_get_mem_data(memory.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string pem_of(const Certificate& certificate)
{
  const Memory memory{BIO_new(BIO_s_mem())};
  ensure(PEM_write_bio_X509(memory.get(), certificate.get()) == 1, "OpenSSL writes a certificate");
  return text_of(memory);
}

std::string pem_of(const Key& key)
{
  const Memory memory{BIO_new(BIO_s_mem())};
  ensure(PEM_write_bio_PrivateKey(memory.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1,
         "OpenSSL writes a key");
  return text_of(memory);
}

} // namespace

TlsFiles make_tls_files(const std::filesystem::path& directory)
{
  const auto authority_key = make_key();
  const auto authority = blank_certificate(authority_key, "batchwright emulator authority");
  extend(authority, authority, NID_basic_constraints, "critical,CA:TRUE");
  extend(authority, authority, NID_key_usage, "critical,keyCertSign,cRLSign");
  extend(authority, authority, NID_subject_key_identifier, "hash");
  sign(authority, authority, authority_key);

  const auto key = make_key();
  const auto leaf = blank_certificate(key, "localhost");
  extend(leaf, authority, NID_basic_constraints, "critical,CA:FALSE");
  extend(leaf, authority, NID_ext_key_usage, "serverAuth");
  extend(leaf, authority, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
  extend(leaf, authority, NID_authority_key_identifier, "keyid:always");
  sign(leaf, authority, authority_key);

  TlsFiles files{
      .authority = directory / "ca.pem", .certificate = directory / "server.pem", .key = directory / "server.key"};
  write_file(files.authority, pem_of(authority));
  write_file(files.certificate, pem_of(leaf));
  write_file(files.key, pem_of(key));
  return files;
}

} // namespace batchwright::emulator
