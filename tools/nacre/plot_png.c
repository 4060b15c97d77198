/* A picture of two charts, and as much of PNG (ISO 15948) as one palette image needs. */
#include "plot.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define WIDTH  900u
#define HEIGHT 640u
#define LEFT   104u
#define RIGHT  20u
#define TOP    40u
#define TALL   240u /* of one chart */
#define APART  70u
#define SCALE  2u /* of the letters */

enum color { WHITE, BLACK, GREY, BLUE, ORANGE, COLORS };
static const uint8_t palette[COLORS][3] = {
    {255, 255, 255}, {30, 30, 30}, {200, 200, 200}, {31, 119, 180}, {255, 127, 14}};

/* 5 x 7 letters, a byte a row, the leftmost pixel in bit 4; only those that are needed. */
static const struct {
    char c;
    uint8_t rows[7];
} letters[] = {
    {'0', {14, 17, 19, 21, 25, 17, 14}}, {'1', {4, 12, 4, 4, 4, 4, 14}},
    {'2', {14, 17, 1, 2, 4, 8, 31}},     {'3', {31, 2, 4, 2, 1, 17, 14}},
    {'4', {2, 6, 10, 18, 31, 2, 2}},     {'5', {31, 16, 30, 1, 1, 17, 14}},
    {'6', {6, 8, 16, 30, 17, 17, 14}},   {'7', {31, 1, 2, 4, 8, 8, 8}},
    {'8', {14, 17, 17, 14, 17, 17, 14}}, {'9', {14, 17, 17, 15, 1, 2, 12}},
    {'.', {0, 0, 0, 0, 0, 12, 12}},      {'-', {0, 0, 0, 31, 0, 0, 0}},
    {'%', {24, 25, 2, 4, 8, 19, 3}},     {'a', {0, 0, 14, 1, 15, 17, 15}},
    {'c', {0, 0, 14, 16, 16, 17, 14}},   {'d', {1, 1, 13, 19, 17, 17, 15}},
    {'e', {0, 0, 14, 17, 31, 16, 14}},   {'g', {0, 15, 17, 17, 15, 1, 14}},
    {'h', {16, 16, 22, 25, 17, 17, 17}}, {'i', {4, 0, 12, 4, 4, 4, 14}},
    {'l', {12, 4, 4, 4, 4, 4, 14}},      {'n', {0, 0, 22, 25, 17, 17, 17}},
    {'o', {0, 0, 14, 17, 17, 17, 14}},   {'p', {0, 0, 30, 17, 30, 16, 16}},
    {'r', {0, 0, 22, 25, 16, 16, 16}},   {'s', {0, 0, 14, 16, 14, 1, 30}},
    {'t', {8, 8, 28, 8, 8, 9, 6}},       {'u', {0, 0, 17, 17, 17, 19, 13}},
    {'w', {0, 0, 17, 17, 21, 21, 10}},   {'y', {0, 0, 17, 17, 15, 1, 14}},
};

/* Each row begins with PNG's filter byte, 0: none. */
struct picture {
    uint8_t *rows;
};
#define STRIDE (WIDTH + 1u)

static void dot(struct picture *p, long x, long y, enum color color)
{
    if (x >= 0 && y >= 0 && x < (long)WIDTH && y < (long)HEIGHT)
        p->rows[(size_t)y * STRIDE + 1 + (size_t)x] = (uint8_t)color;
}

static void letter(struct picture *p, long x, long y, char c)
{
    for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++) {
        if (letters[i].c != c)
            continue;
        for (long r = 0; r < 7 * (long)SCALE; r++)
            for (long k = 0; k < 5 * (long)SCALE; k++)
                if (letters[i].rows[r / (long)SCALE] >> (4 - k / (long)SCALE) & 1)
                    dot(p, x + k, y + r, BLACK);
    }
}

static void write_text(struct picture *p, long x, long y, const char *text)
{
    for (; *text; text++, x += 6 * (long)SCALE)
        letter(p, x, y, *text);
}

static void line(struct picture *p, double x0, double y0, double x1, double y1, enum color color)
{
    const unsigned steps = (unsigned)fmax(fmax(fabs(x1 - x0), fabs(y1 - y0)), 1);
    for (unsigned s = 0; s <= steps; s++) {
        long x = lround(x0 + (x1 - x0) * s / steps), y = lround(y0 + (y1 - y0) * s / steps);
        dot(p, x, y, color);
        dot(p, x, y + 1, color); /* two pixels thick */
    }
}

static void curve(struct picture *p, const struct nacre_chart *chart, struct nacre_curve c, long top,
                  enum color color)
{
    size_t columns = c.n < WIDTH - LEFT - RIGHT ? c.n : WIDTH - LEFT - RIGHT;
    double before = (double)NAN, wide = (double)(WIDTH - LEFT - RIGHT - 1), last_x = 0;
    for (size_t i = 0; i < columns; i++) {
        double v = nacre_curve_at(c, i, columns);
        double x = LEFT + (columns > 1 ? wide * (double)i / (double)(columns - 1) : wide / 2);
        double y = (double)top + (double)(TALL - 1) * (chart->high - v) / (chart->high - chart->low);
        if (isfinite(v))
            line(p, isfinite(before) ? last_x : x, isfinite(before) ? before : y, x, y, color);
        before = isfinite(v) ? y : (double)NAN;
        last_x = x;
    }
}

static void draw(struct picture *p, const struct nacre_chart *chart, long top)
{
    char text[64];
    for (unsigned i = 0; i <= 4; i++) {
        double y = (double)top + (double)(TALL - 1) * i / 4;
        line(p, LEFT, y, WIDTH - RIGHT, y, GREY);
        (void)snprintf(text, sizeof text, "%.3f", chart->high - (chart->high - chart->low) * i / 4);
        write_text(p, (long)LEFT - 8 - (long)strlen(text) * 6 * (long)SCALE, lround(y) - 7, text);
    }
    write_text(p, LEFT, top - 24, chart->title);
    curve(p, chart, chart->first, top, BLUE);
    curve(p, chart, chart->second, top, ORANGE);
}

static void legend(struct picture *p, size_t epochs)
{
    char text[64];
    const long y = HEIGHT - 24;
    const double middle = HEIGHT - 18;
    line(p, LEFT, middle, LEFT + 40, middle, BLUE);
    write_text(p, LEFT + 50, y, "training rows");
    line(p, LEFT + 250, middle, LEFT + 290, middle, ORANGE);
    write_text(p, LEFT + 300, y, "held-out rows");
    (void)snprintf(text, sizeof text, "%zu epochs", epochs);
    write_text(p, (long)(WIDTH - RIGHT) - (long)strlen(text) * 6 * (long)SCALE, y, text);
}

static void put_u32(uint8_t *out, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        out[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* Length, type, data and check value; returns what comes after it. */
static uint8_t *chunk(uint8_t *at, const char type[4], const uint8_t *data, size_t len)
{
    put_u32(at, (uint32_t)len);
    memcpy(at + 4, type, 4);
    if (len)
        memcpy(at + 8, data, len);
    put_u32(at + 8 + len, (uint32_t)crc32(0, at + 4, (uInt)len + 4));
    return at + len + 12;
}

static uint8_t *encode(const struct picture *p, size_t *len)
{
    static const uint8_t magic[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    uint8_t head[13] = {[8] = 8, [9] = 3}; /* eight bits, a palette */
    uLongf packed_len = compressBound(STRIDE * HEIGHT);
    uint8_t *packed = malloc(packed_len), *out = malloc(packed_len + 256);
    bool good = packed && out && compress2(packed, &packed_len, p->rows, STRIDE * HEIGHT, 9) == Z_OK;
    if (good) {
        put_u32(head, WIDTH);
        put_u32(head + 4, HEIGHT);
        memcpy(out, magic, sizeof magic);
        uint8_t *at = chunk(out + sizeof magic, "IHDR", head, sizeof head);
        at = chunk(at, "PLTE", palette[0], sizeof palette);
        at = chunk(at, "IDAT", packed, packed_len);
        at = chunk(at, "IEND", NULL, 0);
        *len = (size_t)(at - out);
    } else {
        free(out);
        out = NULL;
    }
    free(packed);
    return out;
}

uint8_t *nacre_plot_png(const struct nacre_history *h, size_t *len)
{
    struct picture p = {calloc(HEIGHT, STRIDE)};
    if (!p.rows)
        return NULL;
    const struct nacre_chart loss = nacre_chart_of("loss", h->loss, h->test_loss);
    const struct nacre_chart accuracy = nacre_chart_of("accuracy %", h->accuracy, h->test_accuracy);
    draw(&p, &loss, TOP);
    draw(&p, &accuracy, TOP + TALL + APART);
    legend(&p, h->loss.n);
    uint8_t *out = encode(&p, len);
    free(p.rows);
    return out;
}
