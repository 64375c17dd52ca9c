# edgeseg-run, where FFmpeg's libraries are found; what it loads or starts where it is needed alone: the deinterlacer, where
# libavfilter is found, and the reader of cameras and pipelines, where OpenCV's videoio is. And its state machine of
# reconnection, which needs none.
if(NOT EDGESEG_LIBRARY)
  return()
endif()
add_executable(edgeseg_lives_tests tests/lives.cpp apps/life.cpp)
target_include_directories(edgeseg_lives_tests PRIVATE apps)
target_link_libraries(edgeseg_lives_tests PRIVATE edgeseg_shared edgeseg_flags nlohmann_json::nlohmann_json)
add_test(NAME lives COMMAND edgeseg_lives_tests ${CMAKE_CURRENT_SOURCE_DIR}/tests/lives.json)

add_executable(edgeseg_pipeline_tests tests/pipeline.cpp apps/picture.cpp apps/pipeline.cpp)
target_include_directories(edgeseg_pipeline_tests PRIVATE apps)
target_link_libraries(edgeseg_pipeline_tests PRIVATE edgeseg_shared edgeseg_flags Threads::Threads)
add_test(NAME pipeline COMMAND edgeseg_pipeline_tests)

if(NOT EDGESEG_WITH_RUN)
  return()
endif()
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(FFMPEG QUIET IMPORTED_TARGET libavformat>=58.76 libavcodec libavutil libswscale)
  pkg_check_modules(AVFILTER QUIET IMPORTED_TARGET libavfilter)
endif()
if(NOT FFMPEG_FOUND)
  set(EDGESEG_RUN_NEEDS "pkg-config libavformat-dev libswscale-dev (Debian's names), of FFmpeg 4.4 or newer")
  if(NOT EDGESEG_WITH_RUN STREQUAL AUTO)
    message(FATAL_ERROR "edgeseg-run needs: ${EDGESEG_RUN_NEEDS}")
  endif()
  message(STATUS "edgeseg-run is left out, as it needs: ${EDGESEG_RUN_NEEDS}")
  return()
endif()

set(EDGESEG_MODULES ${CMAKE_INSTALL_LIBDIR}/edgeseg)
add_library(edgeseg_reading STATIC
  apps/address.cpp
  apps/camera.cpp
  apps/channel.cpp
  apps/clock.cpp
  apps/container.cpp
  apps/converter.cpp
  apps/decoder.cpp
  apps/inbox.cpp
  apps/modules.cpp
  apps/names.cpp
  apps/output_names.cpp
  apps/picture.cpp
  apps/playlist.cpp
  apps/reasons.cpp
  apps/request.cpp
  apps/sequences.cpp
  apps/terminal.cpp
  apps/unplayable.cpp
  apps/url_reader.cpp
  apps/video.cpp
)
target_compile_definitions(edgeseg_reading PRIVATE EDGESEG_MODULES="${EDGESEG_MODULES}")
target_include_directories(edgeseg_reading PUBLIC apps include PRIVATE src)
target_link_libraries(edgeseg_reading PUBLIC edgeseg_flags nlohmann_json::nlohmann_json PkgConfig::FFMPEG ${CMAKE_DL_LIBS})

add_executable(edgeseg_run
  apps/arguments.cpp
  apps/life.cpp
  apps/live_source.cpp
  apps/mailbox.cpp
  apps/main.cpp
  apps/masks.cpp
  apps/model.cpp
  apps/new_file.cpp
  apps/options.cpp
  apps/pipeline.cpp
  apps/png_file.cpp
  apps/reader_process.cpp
  apps/recording.cpp
  apps/recovery.cpp
  apps/report.cpp
  apps/temporary.cpp
  apps/video_writer.cpp
)
if(IS_ABSOLUTE ${CMAKE_INSTALL_BINDIR})
  set(EDGESEG_RPATH ${CMAKE_INSTALL_FULL_LIBDIR})
  set(EDGESEG_BUNDLES ${CMAKE_INSTALL_FULL_DATADIR}/edgeseg/bundles)
else()  # from the program, as another prefix may be chosen when it is installed
  file(RELATIVE_PATH EDGESEG_UP /prefix/${CMAKE_INSTALL_BINDIR} /prefix)
  set(EDGESEG_RPATH "\$ORIGIN/${EDGESEG_UP}${CMAKE_INSTALL_LIBDIR}")
  set(EDGESEG_BUNDLES ${EDGESEG_UP}${CMAKE_INSTALL_DATADIR}/edgeseg/bundles)
  if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR})
    set(EDGESEG_RPATH ${CMAKE_INSTALL_LIBDIR})
  endif()
  if(IS_ABSOLUTE ${CMAKE_INSTALL_DATADIR})
    set(EDGESEG_BUNDLES ${CMAKE_INSTALL_DATADIR}/edgeseg/bundles)
  endif()
endif()
set_target_properties(edgeseg_run PROPERTIES OUTPUT_NAME edgeseg-run INSTALL_RPATH ${EDGESEG_RPATH})
target_compile_definitions(edgeseg_run PRIVATE EDGESEG_BUNDLES="${EDGESEG_BUNDLES}")
target_include_directories(edgeseg_run PRIVATE src)
target_link_libraries(edgeseg_run PRIVATE edgeseg_reading edgeseg_shared PNG::PNG Threads::Threads)
install(TARGETS edgeseg_run RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY ../edgeseg/bundles/ DESTINATION ${CMAKE_INSTALL_DATADIR}/edgeseg/bundles)
message(STATUS "edgeseg-run: FFmpeg's libavformat ${FFMPEG_libavformat_VERSION}")
add_executable(edgeseg_frames tests/frames.cpp)  # asked by tests/cpp/video
target_link_libraries(edgeseg_frames PRIVATE edgeseg_reading)
add_executable(edgeseg_names_tests tests/names.cpp)
target_link_libraries(edgeseg_names_tests PRIVATE edgeseg_reading)
add_test(NAME names COMMAND edgeseg_names_tests ${CMAKE_CURRENT_SOURCE_DIR}/tests/names.json)
add_executable(edgeseg_live_tests tests/live.cpp
  apps/life.cpp
  apps/live_source.cpp
  apps/mailbox.cpp
  apps/reader_process.cpp
)
target_link_libraries(edgeseg_live_tests PRIVATE edgeseg_reading Threads::Threads)
if(NOT CMAKE_CROSSCOMPILING)  # its readers are the program again, which an emulator does not start
  add_test(NAME live COMMAND edgeseg_live_tests)
endif()

if(AVFILTER_FOUND)
  add_library(edgeseg_deinterlacer MODULE apps/deinterlacer.cpp)
  set_target_properties(edgeseg_deinterlacer PROPERTIES OUTPUT_NAME edgeseg-deinterlacer)
  target_link_libraries(edgeseg_deinterlacer PRIVATE edgeseg_flags PkgConfig::FFMPEG PkgConfig::AVFILTER)
  target_include_directories(edgeseg_deinterlacer PRIVATE include)
  install(TARGETS edgeseg_deinterlacer LIBRARY DESTINATION ${EDGESEG_MODULES})
else()
  message(STATUS "edgeseg-run gives interlaced frames as they are stored, as that needs: libavfilter-dev (Debian's name)")
endif()

find_package(OpenCV 4.5.2 QUIET COMPONENTS core imgproc videoio)
if(OpenCV_FOUND)
  add_executable(edgeseg_run_opencv apps/opencv_reader.cpp)
  set_target_properties(edgeseg_run_opencv PROPERTIES OUTPUT_NAME edgeseg-run-opencv)
  target_include_directories(edgeseg_run_opencv SYSTEM PRIVATE ${OpenCV_INCLUDE_DIRS})
  target_link_libraries(edgeseg_run_opencv PRIVATE edgeseg_reading opencv_core opencv_imgproc opencv_videoio)
  install(TARGETS edgeseg_run_opencv RUNTIME DESTINATION ${EDGESEG_MODULES})
  message(STATUS "edgeseg-run: cameras and pipelines by OpenCV ${OpenCV_VERSION}")
else()
  message(STATUS "edgeseg-run reads no cameras and pipelines, as that needs: libopencv-dev (Debian's name)")
endif()
