#include <batchwright/model/part.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

using namespace batchwright;

namespace {

using S = PartState;
using E = PartEvent;

constexpr int states = static_cast<int>(S::abandoned) + 1;
constexpr int events = static_cast<int>(E::reopened) + 1;

/// The life of a part once more, written by hand: what the table says must be said here, too.
const std::map<std::pair<S, E>, S> life{
    {{S::planned, E::upload_begun}, S::uploading},  // the intent to upload stands
    {{S::uploading, E::file_known}, S::queued},     // answered, or found in the listing
    {{S::uploading, E::file_absent}, S::planned},   // looked for and not there: upload anew
    {{S::queued, E::create_begun}, S::creating},    // room and turn
    {{S::creating, E::batch_known}, S::running},    // answered, or found in the listing
    {{S::creating, E::batch_absent}, S::queued},    // not there after the grace time
    {{S::creating, E::batch_refused}, S::queued},   // no room: the file stays
    {{S::running, E::batch_refused}, S::queued},    // no room, said after the create
    {{S::running, E::cancel_begun}, S::cancelling}, // we asked it to stop
    {{S::running, E::batch_ended}, S::ended},       // any terminal status
    {{S::cancelling, E::batch_ended}, S::ended},    // what finished meanwhile is harvested
    {{S::ended, E::outputs_stored}, S::fetched},    // both files whole
    {{S::fetched, E::outcomes_fixed}, S::settled},  // the end
    {{S::fetched, E::files_wanting}, S::ended},     // less than the server claims, or lines that cannot be read
    {{S::ended, E::end_withdrawn}, S::running},     // said too early: the server has it running again
    {{S::queued, E::file_lost}, S::planned},        // the upload lapsed
    {{S::creating, E::file_lost}, S::planned},      // the server does not know the file any more
    {{S::running, E::file_lost}, S::planned},       // it could not read it
    {{S::planned, E::replaced}, S::superseded},     // cut or joined
    {{S::queued, E::replaced}, S::superseded},      // cut after it was uploaded
    // it goes in real time instead
    {{S::planned, E::rerouted}, S::planned},
    {{S::uploading, E::rerouted}, S::planned},
    {{S::queued, E::rerouted}, S::planned},
    // cancelled before the server had a batch of it
    {{S::planned, E::given_up}, S::settled},
    {{S::uploading, E::given_up}, S::settled},
    {{S::queued, E::given_up}, S::settled},
    // cancelled without waiting
    {{S::creating, E::batch_given_up}, S::abandoned},
    {{S::running, E::batch_given_up}, S::abandoned},
    {{S::cancelling, E::batch_given_up}, S::abandoned},
    {{S::ended, E::batch_given_up}, S::abandoned}, // its outputs are not waited for either
    // what comes of it later
    {{S::abandoned, E::batch_known}, S::abandoned},
    {{S::abandoned, E::batch_absent}, S::settled},
    {{S::abandoned, E::batch_ended}, S::abandoned},
    {{S::abandoned, E::outputs_stored}, S::fetched},
    {{S::abandoned, E::end_withdrawn}, S::abandoned},
    {{S::abandoned, E::batch_gone}, S::settled},
    // what a lost call made shows late, and the part has no other batch
    {{S::planned, E::batch_known}, S::running},
    {{S::uploading, E::batch_known}, S::running},
    {{S::queued, E::batch_known}, S::running},
    {{S::settled, E::batch_known}, S::abandoned}, // it was given up
};

const std::map<std::pair<S, E>, S> realtime_life{
    {{S::planned, E::calls_begun}, S::running}, {{S::planned, E::replaced}, S::superseded},
    {{S::planned, E::given_up}, S::settled},    {{S::running, E::calls_answered}, S::ended},
    {{S::running, E::given_up}, S::settled},    {{S::ended, E::outcomes_fixed}, S::settled},
};

/// Of items that are not sent.
const std::map<std::pair<S, E>, S> reused_life{
    {{S::planned, E::outcomes_fixed}, S::settled}, // what they are copied from is over
    {{S::settled, E::reopened}, S::planned},       // and becomes another
};

constexpr std::array routes{Route::batch, Route::realtime, Route::reused};

const std::map<std::pair<S, E>, S>& life_on(Route route)
{
  if (route == Route::reused) return reused_life;
  return route == Route::batch ? life : realtime_life;
}

Part part_in(S state, Route route = Route::batch)
{
  Part part;
  part.state = state;
  part.route = route;
  return part;
}

} // namespace

TEST_SUITE_BEGIN("model::part");

TEST_CASE("a part goes the ways of its life and no other")
{
  for (const auto route : routes) {
    const auto& wanted_life = life_on(route);
    for (int s = 0; s < states; ++s) {
      for (int e = 0; e < events; ++e) {
        const auto from = static_cast<S>(s);
        const auto on = static_cast<E>(e);
        CAPTURE(name(route));
        CAPTURE(name(from));
        CAPTURE(e);
        const auto wanted = wanted_life.find({from, on});
        CHECK(next(route, from, on) == (wanted == wanted_life.end() ? std::nullopt : std::optional{wanted->second}));
      }
    }
    CHECK(edges(route).size() == wanted_life.size()); // no pair stands twice
  }
}

TEST_CASE("every state is reached from planned, and every state but superseded leads on")
{
  std::set<S> reached{S::planned};
  for (std::size_t before = 0; before != reached.size();) {
    before = reached.size();
    for (const auto& edge : batch_edges)
      if (reached.contains(edge.from)) reached.insert(edge.to);
  }
  CHECK(reached.size() == states);
  for (int s = 0; s < states; ++s) {
    const auto state = static_cast<S>(s);
    CAPTURE(name(state));
    const bool leads_on =
        std::any_of(batch_edges.begin(), batch_edges.end(), [&](const Edge& e) { return e.from == state; });
    CHECK(leads_on == (state != S::superseded));
  }
}

TEST_CASE(
    "nothing leads out of what is over but a batch that shows late, and what is copied; no event is without a way")
{
  std::set<E> used;
  for (const auto route : routes) {
    for (const auto& edge : edges(route)) {
      CHECK(edge.from != S::superseded);
      const bool is_copied = route == Route::reused && edge.on == E::reopened;
      if (edge.from == S::settled && !is_copied) CHECK((edge.on == E::batch_known && edge.to == S::abandoned));
      used.insert(edge.on);
    }
  }
  CHECK(used.size() == events);
}

TEST_CASE("nothing is replaced while the server may work on it")
{
  for (const auto& edge : batch_edges)
    if (edge.on == E::replaced) CHECK_FALSE(has_live_batch(part_in(edge.from)));
  CHECK(has_live_batch(part_in(S::running)));
  CHECK(has_live_batch(part_in(S::cancelling)));
  CHECK_FALSE(has_live_batch(part_in(S::creating)));
  CHECK_FALSE(has_live_batch(part_in(S::ended)));
  CHECK_FALSE(has_live_batch(part_in(S::running, Route::realtime)));
  CHECK(is_called(part_in(S::running, Route::realtime)));
  CHECK_FALSE(is_called(part_in(S::running)));
}

TEST_CASE("a part of fewer items asks that share of what all ask, and no more at once")
{
  Part part;
  part.items = part.requests = 50'000;
  part.bytes = 9;
  part.input_tokens = {1'000'000};
  part.largest_input = {700};
  part.output_bound = Tokens{5'000'000};
  part.choices = 3;
  keep_items(part, 100);
  CHECK(part.items == 100);
  CHECK(part.requests == 100);
  CHECK(part.input_tokens == Tokens{2'000});
  CHECK(part.output_bound == Tokens{10'000});
  CHECK(part.largest_input == Tokens{700});
  CHECK(part.choices == 3);
  CHECK(part.bytes == 0); // its file is not built
  keep_items(part, 0);
  CHECK(part.output_bound == Tokens{});
  keep_items(part, 0);
  CHECK(part.items == 0);
}

TEST_CASE("stored numbers stay what they are")
{
  CHECK(static_cast<int>(S::planned) == 0);
  CHECK(static_cast<int>(S::uploading) == 1);
  CHECK(static_cast<int>(S::queued) == 2);
  CHECK(static_cast<int>(S::creating) == 3);
  CHECK(static_cast<int>(S::running) == 4);
  CHECK(static_cast<int>(S::cancelling) == 5);
  CHECK(static_cast<int>(S::ended) == 6);
  CHECK(static_cast<int>(S::fetched) == 7);
  CHECK(static_cast<int>(S::settled) == 8);
  CHECK(static_cast<int>(S::superseded) == 9);
  CHECK(static_cast<int>(S::abandoned) == 10);
  CHECK(static_cast<int>(Route::batch) == 0);
  CHECK(static_cast<int>(Route::realtime) == 1);
  CHECK(static_cast<int>(Route::reused) == 2);
}

TEST_SUITE_END();
