/* Just enough JSON for tests/golden: the numbers under a key of one case, brackets ignored. */
#ifndef GOLDEN_READER_H
#define GOLDEN_READER_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { most_numbers = 1 << 16 };

static inline char* read_file(const char* folder, const char* kernel) {
  char path[1024];
  (void)snprintf(path, sizeof path, "%s/%s.json", folder, kernel);
  FILE* file = fopen(path, "rb");
  if (file == NULL) {
    (void)fprintf(stderr, "%s cannot be read\n", path);
    exit(1);
  }
  (void)fseek(file, 0, SEEK_END);
  const long size = ftell(file);
  char* text = malloc((size_t)size + 1);
  (void)fseek(file, 0, SEEK_SET);
  if (text == NULL || fread(text, 1, (size_t)size, file) != (size_t)size)
    exit(1);
  text[size] = 0;
  (void)fclose(file);
  return text;
}

/* What follows "key": before `end`, or null. */
static inline const char* find_key(const char* from, const char* end, const char* key) {
  char quoted[64];
  (void)snprintf(quoted, sizeof quoted, "\"%s\":", key);
  const char* at = strstr(from, quoted);
  return at == NULL || at >= end ? NULL : at + strlen(quoted);
}

/* Number of values at `text`: one, or all of a nested array; null becomes NaN. */
static inline size_t parse_numbers(const char* text, double* values) {
  size_t count = 0;
  int depth = 0;
  do {
    if (*text == '[' || *text == ']') {
      depth += *text++ == '[' ? 1 : -1;
    } else if (*text == ',') {
      ++text;
    } else if (strncmp(text, "null", 4) == 0) {
      values[count++] = NAN;
      text += 4;
    } else {
      char* after = NULL;
      values[count++] = strtod(text, &after);
      if (after == text || count == most_numbers)
        exit(1);
      text = after;
    }
  } while (depth > 0);
  return count;
}

typedef struct array {
  double* values;
  size_t count;
} array;

static inline array numbers(const char* from, const char* end, const char* key) {
  static double buffer[most_numbers];
  array result = {NULL, 0};
  const char* at = find_key(from, end, key);
  if (at == NULL)
    return result;
  result.count = parse_numbers(at, buffer);
  result.values = malloc((result.count + 1) * sizeof(double));
  if (result.values == NULL)
    exit(1);
  memcpy(result.values, buffer, result.count * sizeof(double));
  return result;
}

static inline double number(const char* from, const char* end, const char* key) {
  const array one = numbers(from, end, key);
  if (one.count != 1)
    exit(1);
  const double value = one.values[0];
  free(one.values);
  return value;
}

#define AS(type, name)                                                                             \
  static inline type* name(array from) {                                                           \
    type* to = calloc(from.count + 1, sizeof *to);                                                 \
    if (to == NULL)                                                                                \
      exit(1);                                                                                     \
    for (size_t i = 0; i < from.count; ++i)                                                        \
      to[i] = (type)from.values[i];                                                                \
    return to;                                                                                     \
  }
AS(float, floats)
AS(int32_t, int32s)
AS(uint16_t, uint16s)
AS(uint32_t, uint32s)
AS(uint64_t, uint64s)

#endif
