/* Every golden vector through the C functions: prints a digest of the results of every case, which
 * must be those of C++, cffi and pybind11. Usage: golden FOLDER */
#include "golden_reader.h"
#include "rssfix.h"

static uint64_t hash;

static void add(const void* values, size_t bytes) {
  const unsigned char* at = values;
  for (size_t i = 0; i < bytes; ++i)
    hash = (hash ^ at[i]) * UINT64_C(1099511628211);
}

static void must(rssfix_status status) {
  char text[160];
  if (status.code == RSSFIX_OK)
    return;
  (void)rssfix_status_text(status, text, sizeof text);
  (void)fprintf(stderr, "%s\n", text);
  exit(1);
}

static rssfix_grid grid_of(const char* from, const char* end) {
  const array origin = numbers(from, end, "origin_m");
  rssfix_grid grid = {origin.values[0], origin.values[1], number(from, end, "pitch_m"), 0, 0};
  const array shape = numbers(from, end, "shape");
  if (shape.count == 2) {
    grid.height = (size_t)shape.values[0];
    grid.width = (size_t)shape.values[1];
  }
  return grid;
}

static int text_is(const char* from, const char* end, const char* key, const char* wanted) {
  const char* at = find_key(from, end, key);
  return at != NULL && strncmp(at + 1, wanted, strlen(wanted)) == 0;
}

static void cyclic_map(const char* from, const char* end) {
  const array rssi = numbers(from, end, "rssi");
  const size_t bytes = rssi.count * rssi.count * sizeof(float);
  float* map = malloc(bytes);
  must(rssfix_cyclic_map(floats(rssi), 1, rssi.count, map));
  add(map, bytes);
}

static void diagonal_mean(const char* from, const char* end) {
  const size_t n = numbers(from, end, "expected").count;
  float* scores = malloc(n * sizeof(float));
  must(rssfix_diagonal_mean(floats(numbers(from, end, "maps")), 1, n, scores));
  add(scores, n * sizeof(float));
}

static void ratio_image(const char* from, const char* end) {
  const array rssi = numbers(from, end, "rssi");
  const size_t bytes = rssi.count * rssi.count * sizeof(float);
  float* image = malloc(bytes);
  must(rssfix_ratio_image(floats(rssi), rssi.count, image));
  add(image, bytes);
}

static void floor_features(const char* from, const char* end) {
  const array floors = numbers(from, end, "ap_floor");
  const size_t scans = numbers(from, end, "start").count;
  const size_t span = (size_t)number(from, end, "span");
  int32_t* start = malloc(scans * sizeof(int32_t));
  const size_t bytes = scans * span * RSSFIX_FLOOR_FEATURES * sizeof(float);
  float* features = malloc(bytes);
  must(rssfix_floor_features(floats(numbers(from, end, "rssi_dbm")), scans,
      numbers(from, end, "ap_xy_m").values, int32s(floors), floors.count,
      (size_t)number(from, end, "n_floors"), number(from, end, "silent_dbm"), span, start,
      features));
  add(start, scans * sizeof(int32_t));
  add(features, bytes);
}

static void rank_pdf(const char* from, const char* end) {
  const array ranks = numbers(from, end, "ranks");
  const array mean_m = numbers(from, end, "mean_m");
  const rssfix_grid grid = grid_of(from, end);
  const int32_t combine = text_is(from, end, "combine", "sum")       ? RSSFIX_SUM
                          : text_is(from, end, "combine", "product") ? RSSFIX_PRODUCT
                                                                     : RSSFIX_TEMPERED;
  const size_t bytes = grid.height * grid.width * sizeof(float);
  float* pdf = malloc(bytes);
  must(rssfix_rank_pdf(numbers(from, end, "ap_xy_m").values, int32s(ranks), ranks.count,
      mean_m.values, numbers(from, end, "sigma_m").values, mean_m.count, &grid, combine, pdf));
  add(pdf, bytes);
}

static void path_loss_pdf(const char* from, const char* end) {
  const array rssi = numbers(from, end, "rssi_dbm");
  const rssfix_path_loss loss = {number(from, end, "reference_dbm"), number(from, end, "exponent"),
      number(from, end, "sigma_db"), number(from, end, "offset_sigma_db"),
      number(from, end, "silence_dbm")};
  const rssfix_grid grid = grid_of(from, end);
  const size_t bytes = grid.height * grid.width * sizeof(float);
  float* pdf = malloc(bytes);
  must(rssfix_path_loss_pdf(numbers(from, end, "ap_xy_m").values, rssi.values,
      numbers(from, end, "weight").values, numbers(from, end, "extra_loss_db").values, rssi.count,
      &loss, &grid, pdf));
  add(pdf, bytes);
}

static void threshold_centroid(const char* from, const char* end) {
  const array pdf = numbers(from, end, "pdf");
  rssfix_grid grid = grid_of(from, end);
  const char* row = find_key(from, end, "pdf") + 1;
  grid.width = numbers(from, end, "pdf").count;
  double* first_row = malloc(most_numbers * sizeof(double));
  grid.width = parse_numbers(row, first_row);
  grid.height = pdf.count / grid.width;
  rssfix_centroid found;
  must(rssfix_threshold_centroid(floats(pdf), &grid, number(from, end, "threshold"), &found));
  add(&found, sizeof found);
}

static void kalman_filter(const char* from, const char* end) {
  rssfix_kalman* kalman = NULL;
  double state[4];
  double covariance[16];
  must(rssfix_kalman_create(numbers(from, end, "state").values,
      numbers(from, end, "covariance").values, number(from, end, "accel_sigma"), &kalman));
  const char* step = find_key(from, end, "steps");
  for (; (step = find_key(step, end, "dt_s")) != NULL; ++step) {
    const array z = numbers(step, end, "z");
    double dt_s = 0;
    (void)parse_numbers(step, &dt_s);
    must(rssfix_kalman_predict(kalman, dt_s));
    must(rssfix_kalman_update(kalman, z.values, numbers(step, end, "variance").values, z.count));
    must(rssfix_kalman_read(kalman, state, covariance));
    add(state, sizeof state);
    add(covariance, sizeof covariance);
  }
  rssfix_kalman_destroy(kalman);
}

static void weighted_knn(const char* from, const char* end) {
  const array database = numbers(from, end, "database");
  const array query = numbers(from, end, "query");
  const size_t k = (size_t)number(from, end, "k"); /* every row, so rows = k */
  const size_t columns = database.count / k;
  const size_t queries = query.count / columns;
  const int32_t metric = text_is(from, end, "metric", "l1")   ? RSSFIX_L1
                         : text_is(from, end, "metric", "l2") ? RSSFIX_L2
                                                              : RSSFIX_SORENSEN;
  int64_t* indices = malloc(queries * k * sizeof(int64_t));
  float* distances = malloc(queries * k * sizeof(float));
  must(rssfix_weighted_knn(
      floats(database), k, columns, floats(query), queries, k, metric, indices, distances));
  add(indices, queries * k * sizeof(int64_t));
  add(distances, queries * k * sizeof(float));
}

static void level_sums(const char* from, const char* end) {
  const array maps = numbers(from, end, "maps");
  const array tables = numbers(from, end, "tables");
  const size_t cells = numbers(from, end, "expected").count;
  const size_t count = maps.count / cells;
  float* sums = malloc(cells * sizeof(float));
  must(rssfix_level_sums(uint16s(maps), count, cells, floats(tables), tables.count / count, sums));
  add(sums, cells * sizeof(float));
}

static void level_likelihoods(const char* from, const char* end) {
  const array measured = numbers(from, end, "measured_db");
  const array mean_db = numbers(from, end, "mean_db");
  const rssfix_scatter scatter = {floats(mean_db), floats(numbers(from, end, "sigma_db")),
      floats(numbers(from, end, "tail_factor")), floats(numbers(from, end, "narrow")),
      floats(numbers(from, end, "wide")), floats(numbers(from, end, "outliers")),
      floats(numbers(from, end, "silent")), mean_db.count};
  const size_t bytes = measured.count * mean_db.count * sizeof(float);
  float* tables = malloc(bytes);
  must(rssfix_level_likelihoods(
      floats(measured), measured.count, &scatter, number(from, end, "power"), tables));
  add(tables, bytes);
}

static void geometric_median(const char* from, const char* end) {
  const array x_m = numbers(from, end, "x_m");
  double median_m[2];
  must(rssfix_geometric_median(x_m.values, numbers(from, end, "y_m").values,
      numbers(from, end, "weight").values, x_m.count, numbers(from, end, "start_m").values,
      number(from, end, "soft_m"), (size_t)number(from, end, "steps"), median_m));
  add(median_m, sizeof median_m);
}

void rank_locator(const char* from, const char* end, void (*note)(const void*, size_t));

static void locator(const char* from, const char* end) {
  rank_locator(from, end, add);
}

static const struct {
  const char* name;
  void (*run)(const char*, const char*);
} kernels[] = {
    {"cyclic_map", cyclic_map},
    {"diagonal_mean", diagonal_mean},
    {"ratio_image", ratio_image},
    {"floor_features", floor_features},
    {"rank_pdf", rank_pdf},
    {"path_loss_pdf", path_loss_pdf},
    {"threshold_centroid", threshold_centroid},
    {"kalman_filter", kalman_filter},
    {"weighted_knn", weighted_knn},
    {"level_sums", level_sums},
    {"level_likelihoods", level_likelihoods},
    {"geometric_median", geometric_median},
    {"rank_locator", locator},
};

static void run(size_t kernel, const char* folder, const char* level) {
  static const char begin[] = "{\"name\":\"";
  char* text = read_file(folder, kernels[kernel].name);
  for (const char* at = strstr(text, begin); at != NULL;) {
    const char* next = strstr(at + 1, begin);
    const char* name = at + strlen(begin);
    hash = UINT64_C(14695981039346656037);
    kernels[kernel].run(at, next == NULL ? text + strlen(text) : next);
    printf("%s|%.*s|%s|%016llx\n", kernels[kernel].name, (int)strcspn(name, "\""), name, level,
        (unsigned long long)hash);
    at = next;
  }
  free(text);
}

int main(int count, char** arguments) {
  static const char* const levels[] = {"baseline", "avx2", "avx512"};
  if (count != 2)
    return 2;
  for (size_t level = 0; level < sizeof levels / sizeof *levels; ++level)
    if (rssfix_set_simd(levels[level]))
      for (size_t i = 0; i < sizeof kernels / sizeof *kernels; ++i)
        run(i, arguments[1], levels[level]);
  return 0;
}
