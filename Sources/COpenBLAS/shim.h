#include <cblas.h>

// LAPACK comes with OpenBLAS but Debian ships its C header in another package; what is called is declared here.

/// Eigenvalues, ascending in w, and with jobz 'V' eigenvectors, in the columns of a, of a symmetric matrix.
void dsyev_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w,
            double *work, const int *lwork, int *info);
