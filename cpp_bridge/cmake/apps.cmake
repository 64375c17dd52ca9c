# edgeseg-run, where OpenCV's videoio is found; and its state machine of reconnection, which needs none.
if(NOT EDGESEG_LIBRARY)
  return()
endif()
if(EDGESEG_WITH_RUN)
  find_package(OpenCV 4.5.2 QUIET COMPONENTS core imgproc imgcodecs videoio)
  find_package(PkgConfig QUIET)
  if(PkgConfig_FOUND)
    pkg_check_modules(FFMPEG QUIET IMPORTED_TARGET libavformat>=58.76 libavcodec libavutil libswscale)
  endif()
  if(OpenCV_FOUND AND FFMPEG_FOUND)
    add_executable(edgeseg_run
      apps/capture.cpp
      apps/life.cpp
      apps/live_source.cpp
      apps/mailbox.cpp
      apps/main.cpp
      apps/masks.cpp
      apps/model.cpp
      apps/names.cpp
      apps/new_file.cpp
      apps/options.cpp
      apps/pipeline.cpp
      apps/reader.cpp
      apps/reader_process.cpp
      apps/recording.cpp
      apps/report.cpp
      apps/video_file.cpp
      apps/video_writer.cpp
    )
    set_target_properties(edgeseg_run PROPERTIES OUTPUT_NAME edgeseg-run INSTALL_RPATH "\$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
    target_include_directories(edgeseg_run SYSTEM PRIVATE ${OpenCV_INCLUDE_DIRS})
    target_link_libraries(edgeseg_run PRIVATE edgeseg_shared edgeseg_flags nlohmann_json::nlohmann_json
      opencv_core opencv_imgproc opencv_imgcodecs opencv_videoio PkgConfig::FFMPEG Threads::Threads)
    install(TARGETS edgeseg_run RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
    install(DIRECTORY ../edgeseg/bundles/ DESTINATION ${CMAKE_INSTALL_DATADIR}/edgeseg/bundles)
    message(STATUS "edgeseg-run: OpenCV ${OpenCV_VERSION}")
    add_executable(edgeseg_pipeline_tests tests/pipeline.cpp apps/pipeline.cpp)
    target_include_directories(edgeseg_pipeline_tests PRIVATE apps)
    target_include_directories(edgeseg_pipeline_tests SYSTEM PRIVATE ${OpenCV_INCLUDE_DIRS})
    target_link_libraries(edgeseg_pipeline_tests PRIVATE edgeseg_shared edgeseg_flags opencv_core Threads::Threads)
    add_test(NAME pipeline COMMAND edgeseg_pipeline_tests)
  elseif(EDGESEG_WITH_RUN STREQUAL AUTO)
    message(STATUS "edgeseg-run is left out, as it needs: libopencv-dev libavformat-dev libswscale-dev (Debian's names)")
  else()
    message(FATAL_ERROR "edgeseg-run needs: libopencv-dev libavformat-dev libswscale-dev (Debian's names)")
  endif()
endif()

add_executable(edgeseg_lives_tests tests/lives.cpp apps/life.cpp)
target_include_directories(edgeseg_lives_tests PRIVATE apps)
target_link_libraries(edgeseg_lives_tests PRIVATE edgeseg_shared edgeseg_flags nlohmann_json::nlohmann_json)
add_test(NAME lives COMMAND edgeseg_lives_tests ${CMAKE_CURRENT_SOURCE_DIR}/tests/lives.json)
