// What a terminal is shown. Text from files, URLs and command lines is data: what could steer it is written out.
#pragma once

#include <string>
#include <vector>

namespace app {

// Opens the standard handles that are closed, so that no file is taken for one of them. Before anything else is opened.
void prepare_handles();

// The words of the command line, whose secrets are hidden in all sentences.
void set_arguments(std::vector<std::string> words);

// One line each on stderr.
void complain(const std::string& sentence);
void warn(const std::string& sentence);
void say(const std::string& sentence);

// Prints on stdout, and what becomes of it: 0, or SIGPIPE's exit code where who reads it has had enough. Throws Refusal.
int print(const std::string& text);

// A text with every character written out that is none to be seen, and every byte that is no UTF-8.
std::string escaped(const std::string& text);

}  // namespace app
