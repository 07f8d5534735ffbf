/* What the C functions refuse, how they say it, and that none of the hot ones touches the heap. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rssfix.h"

static int failures;
#define CHECK(what)                                                                                \
  ((what) ? (void)0 : (void)(++failures, fprintf(stderr, "line %d: %s\n", __LINE__, #what)))

/* ---- A malloc that counts, where the sanitizers do not have their own -------------------- */

static size_t allocations;
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
#define COUNTS 1
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* memory, size_t size);
void __libc_free(void* memory);
void* malloc(size_t size) {
  ++allocations;
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  ++allocations;
  return __libc_calloc(count, size);
}
void* realloc(void* memory, size_t size) {
  ++allocations;
  return __libc_realloc(memory, size);
}
void free(void* memory) {
  __libc_free(memory);
}
#else
#define COUNTS 0
#endif

/* ---- A building ---------------------------------------------------------------------------- */

enum { aps = 3 };
static const uint64_t ap_id[aps] = {5, 9, 12};
static const double ap_xy_m[2 * aps] = {0, 0, 10, 0, 5, 8};
static const int32_t ap_floor[aps] = {0, 0, 1};
static const uint32_t cells[] = {0, 1, 2, 17, 18, 40};
static const rssfix_floor floors[] = {
    {0, {0, 0, 1, 9, 11}, NULL, 0}, {1, {0, 0, 1, 9, 11}, cells, 6}};
static const double edges_dbm[] = {-70, -50};
static const double mean_m[] = {12, 6, 2};
static const double sigma_m[] = {5, 3, 1};
static const rssfix_rank_method ranks = {edges_dbm, mean_m, sigma_m, 3, RSSFIX_SUM, 0.5};
static const rssfix_path_loss_method path_loss = {{-35, 3, 8, 2, -90}, 0.05, 30};
static const double spread_m[] = {1, 5};
static const double radius_m[] = {2, 4};
static const rssfix_reading heard[] = {{9, -60, 0}, {5, -45, 200}, {77, -50, 0}, {9, -58, 0}};

static rssfix_site building(void) {
  rssfix_site site;
  memset(&site, 0, sizeof site);
  site.ap_id = ap_id;
  site.ap_xy_m = ap_xy_m;
  site.ap_floor = ap_floor;
  site.ap_count = aps;
  site.floors = floors;
  site.floor_count = 2;
  site.floor_attenuation_db = 15;
  site.cap_dbm = -30;
  site.ranks = &ranks;
  site.spread_m = spread_m;
  site.radius_m = radius_m;
  site.accuracy_count = 2;
  site.min_matched_aps = 1;
  site.max_age_ms = 1000;
  site.low_confidence_m = 5;
  site.floor_window_ms = 4000;
  site.position_window_ms = 2000;
  return site;
}

static int says(rssfix_status status, int32_t code, const char* wanted) {
  char text[160];
  (void)rssfix_status_text(status, text, sizeof text);
  if (status.code == code && strcmp(text, wanted) == 0)
    return 1;
  (void)fprintf(stderr, "code %d: %s\n", (int)status.code, text);
  return 0;
}

static void test_messages(void) {
  const float rssi[4] = {-40, -50, NAN, -70};
  float map[16];
  const rssfix_status status = rssfix_cyclic_map(rssi, 1, 4, map);
  CHECK(says(status, RSSFIX_NOT_FINITE, "rssi[2]: expected a finite number"));
  CHECK(rssfix_status_text(status, NULL, 0) == strlen("rssi[2]: expected a finite number"));
  char few[8];
  (void)rssfix_status_text(status, few, sizeof few);
  CHECK(strcmp(few, "rssi[2]") == 0);
  CHECK(says(rssfix_cyclic_map(NULL, 1, 4, map), RSSFIX_MISSING,
      "rssi: expected a pointer that is not null"));
  CHECK(says(
      rssfix_cyclic_map(rssi, 1, 0, map), RSSFIX_EMPTY, "rssi: expected at least one element"));
  int64_t row;
  float distance;
  float features[3];
  CHECK(says(rssfix_weighted_knn(rssi, 1, 4, rssi, 1, 1, 3, &row, &distance), RSSFIX_OUT_OF_RANGE,
      "metric: expected a value in range"));
  float log_likelihood[12] = {0};
  const uint16_t shown[3] = {3, 11, 12};
  CHECK(says(rssfix_level_sums(shown, 1, 3, log_likelihood, 12, features), RSSFIX_OUT_OF_RANGE,
      "maps[2]: expected a value in range"));
  log_likelihood[9] = INFINITY;
  CHECK(says(rssfix_level_sums(shown, 1, 2, log_likelihood, 12, features), RSSFIX_NOT_FINITE,
      "tables[9]: expected a finite number"));
  CHECK(rssfix_level_sums(shown, 1, 2, log_likelihood, 1, features).code == RSSFIX_OUT_OF_RANGE);
  const rssfix_status ok = {RSSFIX_OK, 0, 0};
  CHECK(says(ok, RSSFIX_OK, "ok"));
  CHECK(strcmp(rssfix_expected(999), "") == 0);
  CHECK(strcmp(rssfix_argument_name(-1), "") == 0);
  for (int32_t code = 1; code <= RSSFIX_OUT_OF_MEMORY; ++code)
    CHECK(strlen(rssfix_expected(code)) > 5);
  CHECK(strchr(rssfix_version(), '.') != NULL);
  CHECK(strlen(rssfix_build_info()) > 5);
  CHECK(rssfix_set_simd("mmx") == 0);
  CHECK(rssfix_set_simd(NULL) == 0);
}

/* How path loss scatters where a map shows one of two codes. */
static const float map_db[2] = {-90, -60};
static const float scatter_db[2] = {4, 3};
static const float twice[2] = {2, 2};
static const float half[2] = {0.5F, 0.5F};
static const float seldom[2] = {1e-4F, 1e-4F};
static const float unheard[2] = {-0.1F, -9};
static const rssfix_scatter scatter = {map_db, scatter_db, twice, half, half, seldom, unheard, 2};

static void test_radio_maps(void) {
  const float measured_db[2] = {-88, NAN};
  const float above_0[2] = {4, 0};
  const double x_m[3] = {0, 1, 5};
  const double weight[3] = {1, 1, -1};
  double median_m[2] = {7, 7};
  float tables[4];
  rssfix_scatter other = scatter;
  CHECK(rssfix_level_likelihoods(measured_db, 2, &scatter, 1, tables).code == RSSFIX_OK);
  CHECK(tables[0] > -4 && tables[1] < -9 && tables[2] == unheard[0] && tables[3] == unheard[1]);
  CHECK(says(rssfix_level_likelihoods(measured_db, 2, &scatter, 0, tables), RSSFIX_OUT_OF_RANGE,
      "power: expected a value in range"));
  CHECK(says(rssfix_level_likelihoods(measured_db, 2, NULL, 1, tables), RSSFIX_MISSING,
      "mean_db: expected a pointer that is not null"));
  other.sigma_db = above_0;
  CHECK(says(rssfix_level_likelihoods(measured_db, 2, &other, 1, tables), RSSFIX_OUT_OF_RANGE,
      "sigma_db[1]: expected a value in range"));
  other.silent = NULL;
  CHECK(says(rssfix_level_likelihoods(measured_db, 2, &other, 1, tables), RSSFIX_MISSING,
      "silent: expected a pointer that is not null"));
  CHECK(rssfix_geometric_median(x_m, x_m, weight, 2, x_m, 1, 50, median_m).code == RSSFIX_OK);
  CHECK(fabs(median_m[0] - 0.5) < 1e-6 && median_m[0] == median_m[1]);
  CHECK(says(rssfix_geometric_median(x_m, x_m, weight, 3, x_m, 1, 50, median_m),
      RSSFIX_OUT_OF_RANGE, "weight[2]: expected a value in range"));
  CHECK(rssfix_geometric_median(x_m, x_m, weight, 0, x_m, 1, 50, median_m).code == RSSFIX_EMPTY);
  CHECK(rssfix_geometric_median(x_m, x_m, weight, 2, x_m, 1, 50, NULL).code == RSSFIX_MISSING);
}

static void test_memory(void) {
  const double state[4] = {0, 0, 0, 0};
  const double covariance[16] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
  uint64_t memory[64];
  rssfix_kalman* kalman = NULL;
  const size_t size = rssfix_kalman_size();
  CHECK(size <= sizeof memory);
  CHECK(
      rssfix_kalman_init(memory, size - 1, state, covariance, 0, &kalman).code == RSSFIX_TOO_SMALL);
  CHECK(rssfix_kalman_init((char*)memory + 4, size, state, covariance, 0, &kalman).code ==
        RSSFIX_MISALIGNED);
  CHECK(rssfix_kalman_init(NULL, size, state, covariance, 0, &kalman).code == RSSFIX_MISSING);
  CHECK(kalman == NULL);
  CHECK(rssfix_kalman_init(memory, size, state, covariance, 0, &kalman).code == RSSFIX_OK);
  CHECK(says(rssfix_kalman_predict(kalman, -1), RSSFIX_NEGATIVE,
      "dt_s: expected a finite number of 0 or more"));
  const double singular[16] = {0};
  CHECK(says(rssfix_kalman_create(state, singular, 0, &kalman), RSSFIX_NOT_POSITIVE_DEFINITE,
      "covariance: expected a positive definite matrix"));
  CHECK(rssfix_window_size(SIZE_MAX / 4, 100) == 0);
  rssfix_window* window = NULL;
  CHECK(rssfix_window_create(SIZE_MAX / 4, 0, 100, &window).code == RSSFIX_OUT_OF_RANGE);
  CHECK(rssfix_window_create(3, -1, 100, &window).code == RSSFIX_NEGATIVE);
  CHECK(window == NULL);
  rssfix_kalman_destroy(NULL);
  rssfix_window_destroy(NULL);
  rssfix_locator_destroy(NULL);
  rssfix_locator_reset(NULL);
}

static void test_site(void) {
  const rssfix_track_rules rules = rssfix_default_track_rules();
  rssfix_locator* locator = NULL;
  const uint64_t unsorted[aps] = {5, 5, 12};
  const int32_t elsewhere[aps] = {0, 7, 1};
  rssfix_site site = building();
  site.ap_id = unsorted;
  CHECK(says(rssfix_locator_create(&site, &rules, &locator), RSSFIX_NOT_ASCENDING,
      "ap_id[1]: expected more than the one before"));
  site = building();
  site.ap_floor = elsewhere;
  CHECK(says(rssfix_locator_create(&site, &rules, &locator), RSSFIX_OUT_OF_RANGE,
      "ap_floor[1]: expected a value in range"));
  site = building();
  site.ranks = NULL;
  CHECK(rssfix_locator_create(&site, &rules, &locator).code == RSSFIX_MISSING);
  site = building();
  site.path_loss = &path_loss; /* both */
  CHECK(rssfix_locator_create(&site, &rules, &locator).code == RSSFIX_MISSING);
  site = building();
  site.min_matched_aps = 0;
  CHECK(rssfix_locator_create(&site, &rules, &locator).code == RSSFIX_OUT_OF_RANGE);
  site = building();
  site.floor_window_ms = 1;
  CHECK(rssfix_locator_create(&site, &rules, &locator).code == RSSFIX_OUT_OF_RANGE);
  site = building();
  site.accuracy_count = 0;
  CHECK(rssfix_locator_create(&site, &rules, &locator).code == RSSFIX_EMPTY);
  CHECK(locator == NULL);
  const uint8_t mac[6] = {0xaa, 0xbb, 0xcc, 0, 0x11, 0x22};
  CHECK(rssfix_ap_id(mac) == UINT64_C(0xaabbcc001122));
}

static void test_scans(void) {
  const rssfix_site site = building();
  const rssfix_track_rules rules = rssfix_default_track_rules();
  const rssfix_reading loud = {5, 3, 0};
  const rssfix_reading old = {5, -50, 2000};
  rssfix_locator* locator = NULL;
  rssfix_fix fix;
  rssfix_fix before;
  CHECK(rssfix_locator_create(&site, &rules, &locator).code == RSSFIX_OK);
  CHECK(rssfix_locator_update(locator, 0, NULL, 0, &fix).code == RSSFIX_OK);
  CHECK(fix.status == RSSFIX_FIX_TOO_FEW_APS && !fix.has_position);
  CHECK(fix.x_m == 0 && fix.y_m == 0 && fix.accuracy_m == 0);
  CHECK(rssfix_locator_locate(locator, 0, &old, 1, &fix).code == RSSFIX_OK);
  CHECK(fix.status == RSSFIX_FIX_STALE_SCAN);
  CHECK(rssfix_locator_update(locator, 1000, heard, 4, &fix).code == RSSFIX_OK);
  CHECK(fix.has_position && fix.matched_aps == 2 && fix.floor == 0);
  CHECK(fix.x_m > -1 && fix.x_m < 11 && fix.accuracy_m > 0);
  before = fix;
  CHECK(says(rssfix_locator_update(locator, 2000, &loud, 1, &fix), RSSFIX_OUT_OF_RANGE,
      "readings: expected a value in range"));
  CHECK(rssfix_locator_update(locator, 999, heard, 4, &fix).code == RSSFIX_GOES_BACK);
  CHECK(rssfix_locator_update(locator, 2000, NULL, 2, &fix).code == RSSFIX_MISSING);
  CHECK(rssfix_locator_update(NULL, 2000, heard, 4, &fix).code == RSSFIX_MISSING);
  CHECK(rssfix_locator_update(locator, 1000, heard, 4, &fix).code == RSSFIX_OK);
  CHECK(fix.x_m == before.x_m && fix.accuracy_m == before.accuracy_m);
  rssfix_locator_reset(locator);
  CHECK(rssfix_locator_update(locator, 5, heard, 4, &fix).code == RSSFIX_OK);
  CHECK(fix.x_m == before.x_m);
  rssfix_locator_destroy(locator);
}

static void test_window(void) {
  const float one[2] = {-40, NAN};
  const float two[2] = {-70, -60};
  float united[2];
  rssfix_window* window = NULL;
  CHECK(rssfix_window_create(2, 1000, 8, &window).code == RSSFIX_OK);
  CHECK(rssfix_window_add(window, 0, one).code == RSSFIX_OK);
  CHECK(rssfix_window_add(window, 900, two).code == RSSFIX_OK);
  CHECK(rssfix_window_united(window, united).code == RSSFIX_OK);
  CHECK(united[0] == -40 && united[1] == -60);
  CHECK(rssfix_window_add(window, 899, two).code == RSSFIX_GOES_BACK);
  CHECK(rssfix_window_add(window, 1001, two).code == RSSFIX_OK);
  CHECK(rssfix_window_united(window, united).code == RSSFIX_OK);
  CHECK(united[0] == -70 && united[1] == -60);
  rssfix_window_clear(window);
  CHECK(rssfix_window_united(window, united).code == RSSFIX_OK);
  CHECK(isnan(united[0]) && isnan(united[1]));
  rssfix_window_destroy(window);
}

/* Every hot call once, the vector kernels of a first call included. */
static void run_hot_calls(rssfix_locator* locator, rssfix_window* window, rssfix_kalman* kalman) {
  static float big[64 * 64];
  static float pdf[40 * 40];
  const float rssi[aps] = {-40, -50, -60};
  const double levels[aps] = {-40, -50, NAN};
  const double weight[aps] = {1, 1, 0.1};
  const double none[aps] = {0, 0, 0};
  const int32_t rank[aps] = {0, 1, 2};
  const rssfix_grid grid = {0, 0, 0.5, 40, 40};
  const double z[2] = {1, 1};
  const double ones[2] = {1, 1};
  double median_m[2];
  int32_t start;
  float features[4 * RSSFIX_FLOOR_FEATURES];
  int64_t rows[2];
  float distances[2];
  rssfix_centroid centroid;
  rssfix_fix fix;
  CHECK(rssfix_cyclic_map(rssi, 1, aps, big).code == RSSFIX_OK);
  CHECK(rssfix_diagonal_mean(big, 1, aps, features).code == RSSFIX_OK);
  CHECK(rssfix_ratio_image(rssi, aps, big).code == RSSFIX_OK);
  CHECK(rssfix_floor_features(rssi, 1, ap_xy_m, ap_floor, aps, 2, -100, 4, &start, features).code ==
        RSSFIX_OK);
  for (int32_t combine = RSSFIX_SUM; combine <= RSSFIX_TEMPERED; ++combine)
    CHECK(rssfix_rank_pdf(ap_xy_m, rank, aps, mean_m, sigma_m, 3, &grid, combine, pdf).code ==
          RSSFIX_OK);
  CHECK(
      rssfix_path_loss_pdf(ap_xy_m, levels, weight, none, aps, &path_loss.loss, &grid, pdf).code ==
      RSSFIX_OK);
  CHECK(rssfix_threshold_centroid(pdf, &grid, 0.8, &centroid).code == RSSFIX_OK);
  CHECK(rssfix_weighted_knn(big, 2, aps, rssi, 1, 2, RSSFIX_L2, rows, distances).code == RSSFIX_OK);
  static const uint16_t shown[6] = {0, 1, 1, 1, 0, 1};
  CHECK(rssfix_level_likelihoods(rssi, 2, &scatter, 0.9, big).code == RSSFIX_OK);
  CHECK(rssfix_level_sums(shown, 2, 3, big, 2, features).code == RSSFIX_OK);
  CHECK(rssfix_geometric_median(levels, ap_xy_m, weight, 2, z, 1, 10, median_m).code == RSSFIX_OK);
  CHECK(rssfix_kalman_predict(kalman, 0.5).code == RSSFIX_OK);
  CHECK(rssfix_kalman_update(kalman, z, ones, 2).code == RSSFIX_OK);
  for (int64_t now_ms = 0; now_ms < 400000; now_ms += 1500) {
    CHECK(rssfix_window_add(window, now_ms, rssi).code == RSSFIX_OK);
    CHECK(rssfix_window_united(window, features).code == RSSFIX_OK);
    CHECK(rssfix_locator_update(locator, now_ms, heard, 4, &fix).code == RSSFIX_OK);
  }
  CHECK(rssfix_locator_locate(locator, 0, heard, 4, &fix).code == RSSFIX_OK);
}

static void test_heap(void) {
  const double state[4] = {0, 0, 0, 0};
  const double covariance[16] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
  const rssfix_track_rules rules = rssfix_default_track_rules();
  rssfix_site site = building();
  rssfix_site other = building();
  other.ranks = NULL;
  other.path_loss = &path_loss;
  rssfix_locator* by_ranks = NULL;
  rssfix_locator* by_path_loss = NULL;
  rssfix_window* window = NULL;
  rssfix_kalman* kalman = NULL;
  const size_t at_first = allocations;
  CHECK(rssfix_locator_create(&site, &rules, &by_ranks).code == RSSFIX_OK);
  CHECK(rssfix_locator_create(&other, &rules, &by_path_loss).code == RSSFIX_OK);
  CHECK(rssfix_window_create(aps, 5000, 16, &window).code == RSSFIX_OK);
  CHECK(rssfix_kalman_create(state, covariance, 0.3, &kalman).code == RSSFIX_OK);
  CHECK(!COUNTS || allocations == at_first + 4);
  run_hot_calls(by_ranks, window, kalman);
  rssfix_window_clear(window);
  run_hot_calls(by_path_loss, window, kalman);
  CHECK(!COUNTS || allocations == at_first + 4);
  rssfix_locator_destroy(by_ranks);
  rssfix_locator_destroy(by_path_loss);
  rssfix_window_destroy(window);
  rssfix_kalman_destroy(kalman);
}

int main(void) {
  test_heap(); /* first: nothing is warm */
  test_messages();
  test_radio_maps();
  test_memory();
  test_site();
  test_scans();
  test_window();
  if (failures == 0)
    printf("c_api: all right, heap %s\n", COUNTS ? "counted" : "not counted");
  return failures == 0 ? 0 : 1;
}
