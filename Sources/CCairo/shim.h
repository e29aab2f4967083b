#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <fontconfig/fontconfig.h>
#include <pango/pangocairo.h>
#include <pango/pangofc-fontmap.h>

/* Casts of GObject are macros, which Swift cannot call. */

/* A font map that knows the fonts of `config` and no others. */
static inline PangoFontMap *milenas_font_map_new(FcConfig *config) {
  PangoFontMap *map = pango_cairo_font_map_new_for_font_type(CAIRO_FONT_TYPE_FT);
  pango_fc_font_map_set_config(PANGO_FC_FONT_MAP(map), config);
  return map;
}

static inline PangoContext *milenas_context_new(PangoFontMap *map, const cairo_font_options_t *options) {
  PangoContext *context = pango_font_map_create_context(map);
  pango_cairo_context_set_resolution(context, 72); /* a unit is a point */
  pango_cairo_context_set_font_options(context, options);
  pango_context_set_round_glyph_positions(context, FALSE);
  return context;
}
