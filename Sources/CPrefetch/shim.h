/* Swift has no word for it: asks for the cache line of an address ahead of its use. */
static inline void prefetch_line(const void *address) { __builtin_prefetch(address, 0, 3); }
