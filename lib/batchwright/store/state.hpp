// The database behind a store. Inside the store only.
#pragma once

#include <batchwright/store/open.hpp>
#include <batchwright/store/store.hpp>

#include <Poco/Data/Session.h>

#include <filesystem>
#include <memory>
#include <utility>

namespace batchwright::store {

struct Store::State {
  std::filesystem::path database;
  std::unique_ptr<Poco::Data::Session> session;

  /// Runs what may throw Poco's exceptions; ours pass.
  template<class Work>
  auto run(Work&& work) const
  {
    try {
      return work(*session);
    } catch (const Poco::Exception& e) {
      throw translated(e, database);
    }
  }
};

} // namespace batchwright::store
