//go:build !lite

#include "hog.h"

#include <algorithm>
#include <exception>
#include <vector>

#include <opencv2/core/version.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/objdetect.hpp>

// The binding's own HOGDefaultPeopleDetector (gocv 0.31) gives out memory that
// is freed already, and its search keeps the weights to itself.
int mhp_hog(const unsigned char *pixels, int width, int height, int stride, int rgb, int side, double *found, int most) {
    try {
        cv::Mat picture(height, width, CV_8UC3, const_cast<unsigned char *>(pixels), stride), bgr;
        if (rgb) {
            cv::cvtColor(picture, bgr, cv::COLOR_RGB2BGR);
        } else {
            bgr = picture;
        }
        double shrink = std::max(1.0, std::max(width, height) / double(side));
        if (shrink > 1) {
            cv::Mat smaller;
            cv::resize(bgr, smaller, cv::Size(), 1 / shrink, 1 / shrink, cv::INTER_AREA);
            bgr = smaller;
        }
        cv::HOGDescriptor hog;
        hog.setSVMDetector(cv::HOGDescriptor::getDefaultPeopleDetector());
        std::vector<cv::Rect> boxes;
        std::vector<double> weights;
        // The settings of OpenCV's samples/cpp/peopledetect.cpp.
        hog.detectMultiScale(bgr, boxes, weights, 0, cv::Size(8, 8), cv::Size(), 1.05, 2, false);
        int n = std::min<int>(most, boxes.size());
        for (int i = 0; i < n; i++) {
            const cv::Rect &r = boxes[i];
            const double row[5] = {r.x * shrink, r.y * shrink, r.width * shrink, r.height * shrink, i < int(weights.size()) ? weights[i] : 0};
            std::copy(row, row + 5, found + 5 * i);
        }
        return n;
    } catch (const std::exception &) {
        return -1;
    }
}
