/* Hints to the caches that Swift has no word for. */

/* Asks for the cache line of an address ahead of its use. */
static inline void prefetch_line(const void *address) { __builtin_prefetch(address, 0, 3); }

typedef unsigned int uint32x8 __attribute__((__ext_vector_type__(8)));

/* Writes 32 bytes past the caches; the address is a multiple of 32. */
static inline void stream_32(void *address, uint32x8 bytes) {
  __builtin_nontemporal_store(bytes, (uint32x8 *)address);
}

#ifdef __AVX512F__
typedef unsigned int uint32x16 __attribute__((__ext_vector_type__(16)));

/* Writes 64 bytes past the caches; the address is a multiple of 64. */
static inline void stream_64(void *address, uint32x16 bytes) {
  __builtin_nontemporal_store(bytes, (uint32x16 *)address);
}
#endif

/* Orders what was written past the caches before all that follows. */
static inline void stream_fence(void) { __builtin_ia32_sfence(); }
