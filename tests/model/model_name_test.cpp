#include <batchwright/model/model_name.hpp>

#include <doctest/doctest.h>

using batchwright::shared_name;

TEST_SUITE_BEGIN("model::model_name");

TEST_CASE("a model and its snapshots share a name")
{
  CHECK(shared_name("gpt-5.4-mini-2026-03-17") == "gpt-5.4-mini");
  CHECK(shared_name("m-20260317") == "m");
  CHECK(shared_name("gpt-4-0613") == "gpt-4");
  CHECK(shared_name("text-embedding-ada-002-v2") == "text-embedding-ada-002");
  CHECK(shared_name("text-embedding-3-small") == "text-embedding-3-small");
  CHECK(shared_name("gpt-4o-2024") == "gpt-4o-2024"); // a year alone names no snapshot
  CHECK(shared_name("gpt-4o") == "gpt-4o");
  CHECK(shared_name("-2026-03-17") == "-2026-03-17");
}

TEST_SUITE_END();
