#include <cblas.h>

// LAPACK comes with OpenBLAS but Debian ships its C header in another package; what is called is declared here.

/// Eigenvalues, ascending in w, and with jobz 'V' eigenvectors, in the columns of a, of a symmetric matrix.
void dsyev_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w,
            double *work, const int *lwork, int *info);

/// Least squares by QR of a (m × n, m ≥ n, trans 'N'): the solutions overwrite b, R the upper triangle of a.
void dgels_(const char *trans, const int *m, const int *n, const int *nrhs, double *a, const int *lda,
            double *b, const int *ldb, double *work, const int *lwork, int *info);
