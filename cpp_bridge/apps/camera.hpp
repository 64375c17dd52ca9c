// Cameras by number or by any of the names that the system has for them, as edgeseg/video/camera.py has it.
#pragma once

#include <optional>
#include <string>

namespace app {

// The number of the camera that a name means: "0", "/dev/video0", or a link to it.
std::optional<int> camera_number(const std::string& name);

// Whether a name is a camera's, by number, by device, or by what would be a device's that is not there.
bool is_camera(const std::string& name);

// For messages: "camera 0".
std::string camera_name(const std::string& source);

// Why a camera cannot be there; "" where it may be.
std::string absence(const std::string& source);

}  // namespace app
