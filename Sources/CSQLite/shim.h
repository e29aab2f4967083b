#include <sqlite3.h>

/* Swift cannot call functions with variable arguments. */
static inline int sqlite3_set_defensive(sqlite3 *db) {
  return sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)0);
}
