/* The allocator's settings, which the Glibc module leaves out. */
#include <malloc.h>
