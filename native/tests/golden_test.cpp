// The vectors of tests/golden, which the Python tests read too.
#include "golden.hpp"
#include "rssfix/cyclic_map.hpp"
#include "rssfix/diagonal_mean.hpp"
#include "rssfix/floor_features.hpp"
#include "rssfix/geometric_median.hpp"
#include "rssfix/kalman_filter.hpp"
#include "rssfix/level_likelihoods.hpp"
#include "rssfix/level_sums.hpp"
#include "rssfix/path_loss_pdf.hpp"
#include "rssfix/rank_pdf.hpp"
#include "rssfix/ratio_image.hpp"
#include "rssfix/threshold_centroid.hpp"
#include "rssfix/weighted_knn.hpp"

using namespace rssfix;

TEST_CASE("golden.cyclic_map") {
  for_each_case("cyclic_map", [](const json& one) {
    const auto rssi = flat<float>(one["rssi"]);
    std::vector<float> map(rssi.size() * rssi.size());
    REQUIRE(cyclic_map(rssi.data(), 1, rssi.size(), map.data()).ok());
    CHECK(map == flat<float>(one["expected"]));
    Digest().add(map).note("cyclic_map", one);
  });
}

TEST_CASE("golden.diagonal_mean") {
  for_each_case("diagonal_mean", [](const json& one) {
    const auto expected = flat<double>(one["expected"]);
    const auto map = flat<float>(one["maps"]);
    std::vector<float> scores(expected.size());
    REQUIRE(diagonal_mean(map.data(), 1, scores.size(), scores.data()).ok());
    check_close(scores, expected, 1e-7, 0);
    Digest().add(scores).note("diagonal_mean", one);
  });
}

TEST_CASE("golden.floor_features") {
  for_each_case("floor_features", [](const json& one) {
    const auto rssi = flat<float>(one["rssi_dbm"], NAN);
    const auto places = flat<double>(one["ap_xy_m"]);
    const auto floors = flat<std::int32_t>(one["ap_floor"]);
    const auto starts = flat<std::int32_t>(one["start"]);
    const auto expected = flat<double>(one["features"]);
    std::vector<std::int32_t> start(starts.size());
    std::vector<float> features(expected.size());
    REQUIRE(floor_features(rssi.data(), starts.size(),
        {places.data(), floors.data(), floors.size(), one["n_floors"]}, one["silent_dbm"],
        one["span"], start.data(), features.data())
            .ok());
    CHECK(start == starts);
    check_close(features, expected, 1e-6, 1e-6);
    Digest().add(start).add(features).note("floor_features", one);
  });
}

TEST_CASE("golden.geometric_median") {
  for_each_case("geometric_median", [](const json& one) {
    const auto x_m = flat<double>(one["x_m"]);
    const auto y_m = flat<double>(one["y_m"]);
    const auto weight = flat<double>(one["weight"]);
    Point found{};
    REQUIRE(geometric_median({x_m.data(), y_m.data(), weight.data(), x_m.size()},
        {one["start_m"][0], one["start_m"][1]}, one["soft_m"], one["steps"], found)
            .ok());
    const double values[] = {found.x_m, found.y_m};
    check_close(values, flat<double>(one["expected"]), 1e-12, 1e-12);
    Digest().add(values).note("geometric_median", one);
  });
}

TEST_CASE("golden.level_likelihoods") {
  for_each_case("level_likelihoods", [](const json& one) {
    const auto measured = flat<float>(one["measured_db"], NAN);
    const auto mean = flat<float>(one["mean_db"]);
    const auto sigma = flat<float>(one["sigma_db"]);
    const auto factor = flat<float>(one["tail_factor"]);
    const auto narrow = flat<float>(one["narrow"]);
    const auto wide = flat<float>(one["wide"]);
    const auto outliers = flat<float>(one["outliers"]);
    const auto silent = flat<float>(one["silent"]);
    std::vector<float> tables(measured.size() * mean.size());
    REQUIRE(level_likelihoods(measured.data(), measured.size(),
        {mean.data(), sigma.data(), factor.data(), narrow.data(), wide.data(), outliers.data(),
            silent.data(), mean.size()},
        one["power"], tables.data())
            .ok());
    check_close(tables, flat<double>(one["expected"]), 1e-5, 1e-5);
    Digest().add(tables).note("level_likelihoods", one);
  });
}

TEST_CASE("golden.level_sums") {
  for_each_case("level_sums", [](const json& one) {
    const auto maps = flat<std::uint16_t>(one["maps"]);
    const auto tables = flat<float>(one["tables"]);
    const auto expected = flat<double>(one["expected"]);
    const std::size_t count = one["maps"].size();
    std::vector<float> sums(expected.size());
    REQUIRE(level_sums(
        maps.data(), count, sums.size(), tables.data(), tables.size() / count, sums.data())
            .ok());
    check_close(sums, expected, 1e-6, 1e-6);
    Digest().add(sums).note("level_sums", one);
  });
}

TEST_CASE("golden.ratio_image") {
  for_each_case("ratio_image", [](const json& one) {
    const auto rssi = flat<float>(one["rssi"]);
    std::vector<float> image(rssi.size() * rssi.size());
    REQUIRE(ratio_image(rssi.data(), rssi.size(), image.data()).ok());
    check_close(image, flat<double>(one["expected"]), 2e-7, 1e-15);
    Digest().add(image).note("ratio_image", one);
  });
}

TEST_CASE("golden.path_loss_pdf") {
  for_each_case("path_loss_pdf", [](const json& one) {
    const auto places = flat<double>(one["ap_xy_m"]);
    const auto rssi = flat<double>(one["rssi_dbm"], NAN);
    const auto weight = flat<double>(one["weight"]);
    const auto extra = flat<double>(one["extra_loss_db"]);
    const Grid grid{
        one["origin_m"][0], one["origin_m"][1], one["pitch_m"], one["shape"][0], one["shape"][1]};
    std::vector<float> pdf(grid.height * grid.width);
    REQUIRE(path_loss_pdf({places.data(), rssi.data(), weight.data(), extra.data(), rssi.size()},
        {one["reference_dbm"], one["exponent"], one["sigma_db"], one["offset_sigma_db"],
            one["silence_dbm"]},
        grid, pdf.data())
            .ok());
    check_close(pdf, flat<double>(one["expected"]), 0, 2e-5);
    Digest().add(pdf).note("path_loss_pdf", one);
  });
}

TEST_CASE("golden.rank_pdf") {
  for_each_case("rank_pdf", [](const json& one) {
    const auto places = flat<double>(one["ap_xy_m"]);
    const auto ranks = flat<std::int32_t>(one["ranks"]);
    const auto mean_m = flat<double>(one["mean_m"]);
    const auto sigma_m = flat<double>(one["sigma_m"]);
    const Grid grid{
        one["origin_m"][0], one["origin_m"][1], one["pitch_m"], one["shape"][0], one["shape"][1]};
    const Combine combine = one["combine"] == "sum"       ? Combine::sum
                            : one["combine"] == "product" ? Combine::product
                                                          : Combine::tempered;
    std::vector<float> pdf(grid.height * grid.width);
    REQUIRE(rank_pdf(
        {places.data(), ranks.data(), ranks.size(), mean_m.data(), sigma_m.data(), mean_m.size()},
        grid, combine, pdf.data())
            .ok());
    check_close(pdf, flat<double>(one["expected"]), 0, 1e-5);
    Digest().add(pdf).note("rank_pdf", one);
  });
}

TEST_CASE("golden.threshold_centroid") {
  for_each_case("threshold_centroid", [](const json& one) {
    const auto pdf = flat<float>(one["pdf"]);
    const Grid grid{one["origin_m"][0], one["origin_m"][1], one["pitch_m"], one["pdf"].size(),
        one["pdf"][0].size()};
    Centroid found{};
    REQUIRE(threshold_centroid(pdf.data(), grid, one["threshold"], found).ok());
    const double values[] = {found.x_m, found.y_m, found.area_m2};
    check_close(values, flat<double>(one["expected"]), 1e-6, 0);
    Digest().add(values).note("threshold_centroid", one);
  });
}

TEST_CASE("golden.kalman_filter") {
  for_each_case("kalman_filter", [](const json& one) {
    KalmanFilter filter;
    REQUIRE(filter
            .reset(flat<double>(one["state"]).data(), flat<double>(one["covariance"]).data(),
                one["accel_sigma"])
            .ok());
    Digest digest;
    for (const json& step : one["steps"]) {
      const auto z = flat<double>(step["z"]);
      REQUIRE(filter.predict(step["dt_s"]).ok());
      REQUIRE(filter.update(z.data(), flat<double>(step["variance"]).data(), z.size()).ok());
      check_close(filter.state(), flat<double>(step["state"]), 1e-10, 1e-10);
      check_close(filter.covariance(), flat<double>(step["covariance"]), 1e-10, 1e-10);
      digest.add(filter.state()).add(filter.covariance());
    }
    digest.note("kalman_filter", one);
  });
}

TEST_CASE("golden.weighted_knn") {
  for_each_case("weighted_knn", [](const json& one) {
    const auto database = flat<float>(one["database"], NAN);
    const auto query = flat<float>(one["query"], NAN);
    const Metric metric = one["metric"] == "l1"   ? Metric::l1
                          : one["metric"] == "l2" ? Metric::l2
                                                  : Metric::sorensen;
    const std::size_t k = one["k"];
    const std::size_t rows = one["database"].size();
    const std::size_t queries = one["query"].size();
    std::vector<std::int64_t> indices(queries * k);
    std::vector<float> distances(queries * k);
    REQUIRE(weighted_knn(database.data(), rows, database.size() / rows, query.data(), queries, k,
        metric, indices.data(), distances.data())
            .ok());
    CHECK(indices == flat<std::int64_t>(one["indices"]));
    check_close(distances, flat<double>(one["distances"], INFINITY), 1e-6, 0);
    Digest().add(indices).add(distances).note("weighted_knn", one);
  });
}
