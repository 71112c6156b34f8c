#ifdef __cplusplus
extern "C" {
#endif

// Finds upright people with OpenCV's HOG detector in a picture of 3 bytes a
// px, whose longer side is first shrunk to side px. Writes at most most rows of
// x, y, width, height (px of the picture) and weight to found; returns their
// number, or -1 if OpenCV fails.
int mhp_hog(const unsigned char *pixels, int width, int height, int stride, int rgb, int side, double *found, int most);

#ifdef __cplusplus
}
#endif
