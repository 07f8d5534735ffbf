#include "rssfix/weighted_knn.hpp"

#include <algorithm>
#include <cmath>

#include "levels.hpp"

using namespace rssfix;

namespace {

struct Neighbours {
  std::vector<std::int64_t> indices;
  std::vector<float> distances;
};

Neighbours nearest(const std::vector<float>& database, const std::vector<float>& query,
    std::size_t k, Metric metric) {
  Neighbours found{std::vector<std::int64_t>(k), std::vector<float>(k)};
  REQUIRE(weighted_knn(database.data(), database.size() / query.size(), query.size(), query.data(),
      1, k, metric, found.indices.data(), found.distances.data())
          .ok());
  return found;
}

} // namespace

TEST_CASE("weighted_knn.sorts_all_rows_when_k_is_all") {
  at_every_level([] {
    for (const std::size_t columns : {1U, 4U, 9U, 16U, 40U})
      for (const std::size_t rows : {1U, 5U, 300U}) {
        const auto database = random_dbm(rows * columns);
        const auto query = random_dbm(columns, 2);
        const Neighbours found = nearest(database, query, rows, Metric::l2);
        std::vector<std::int64_t> seen = found.indices;
        std::sort(seen.begin(), seen.end());
        for (std::size_t i = 0; i < rows; ++i)
          CHECK(seen[i] == static_cast<std::int64_t>(i));
        CHECK(std::is_sorted(found.distances.begin(), found.distances.end()));
      }
  });
}

TEST_CASE("weighted_knn.equal_distances_go_to_the_lower_row") {
  at_every_level([] {
    const std::vector<float> database(30 * 7, -50.0f);
    const Neighbours found = nearest(database, std::vector<float>(7, -60.0f), 10, Metric::l1);
    for (std::size_t i = 0; i < 10; ++i)
      CHECK(found.indices[i] == static_cast<std::int64_t>(i));
    CHECK(found.distances[0] == 70.0f);
  });
}

TEST_CASE("weighted_knn.scales_unknown_columns_away") {
  at_every_level([] {
    // Differences 1, 2, unknown, unknown.
    const std::vector<float> database{-1, -2, NAN, -4};
    const std::vector<float> query{-2, -4, -5, NAN};
    CHECK(nearest(database, query, 1, Metric::l1).distances[0] == doctest::Approx(6));
    CHECK(nearest(database, query, 1, Metric::l2).distances[0] == doctest::Approx(std::sqrt(10)));
    CHECK(nearest(database, query, 1, Metric::sorensen).distances[0] == doctest::Approx(3.0 / 9));
  });
}

TEST_CASE("weighted_knn.rows_with_nothing_to_compare_come_last") {
  at_every_level([] {
    std::vector<float> database = random_dbm(20 * 18);
    std::fill_n(database.begin() + 18, 18, NAN);
    for (const Metric metric : {Metric::l1, Metric::l2, Metric::sorensen}) {
      const Neighbours found = nearest(database, random_dbm(18, 2), 20, metric);
      CHECK(found.indices[19] == 1);
      CHECK(std::isinf(found.distances[19]));
      CHECK(std::isfinite(found.distances[18]));
    }
    const Neighbours none = nearest(database, std::vector<float>(18, NAN), 3, Metric::l2);
    CHECK(none.indices == std::vector<std::int64_t>{0, 1, 2});
  });
}

TEST_CASE("weighted_knn.distances_are_never_nan") {
  at_every_level([] {
    const std::vector<float> database{3e38f, 3e38f, -3e38f, -3e38f, 0, 0};
    for (const Metric metric : {Metric::l1, Metric::l2, Metric::sorensen})
      for (const float q : {0.0f, 3e38f, -3e38f})
        for (const float distance : nearest(database, {q, -q}, 3, metric).distances)
          CHECK_FALSE(std::isnan(distance));
  });
}

TEST_CASE("weighted_knn.names_the_infinite_value_and_the_wrong_k") {
  at_every_level([] {
    auto database = random_dbm(300 * 5);
    auto query = random_dbm(2 * 5);
    std::vector<std::int64_t> indices(600);
    std::vector<float> distances(600);
    const auto status = [&](std::size_t k) {
      return weighted_knn(database.data(), 300, 5, query.data(), 2, k, Metric::l2, indices.data(),
          distances.data());
    };
    CHECK(status(0).argument == Argument::k);
    CHECK(status(301).code == Code::out_of_range);
    database[7] = NAN;
    database[1234] = INFINITY;
    CHECK(status(3).code == Code::infinite);
    CHECK(status(3).argument == Argument::database);
    CHECK(status(3).index == 1234);
    query[6] = -INFINITY;
    CHECK(status(3).argument == Argument::query);
    CHECK(status(3).index == 6);
  });
}
