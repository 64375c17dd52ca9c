#include "reasons.hpp"

#include <netdb.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "address.hpp"
#include "ffmpeg.hpp"
#include "names.hpp"

namespace app {
namespace {

// FFmpeg says no more than "Input/output error" then.
bool is_unknown_host(const std::string& url) {
    std::string host = take_apart(url).host;
    const std::size_t colon = host.rfind(':');
    const bool port = colon != std::string::npos && host.find_first_not_of("0123456789", colon + 1) == std::string::npos;
    if (port) host.erase(colon);
    if (host.size() > 1 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    addrinfo* found = nullptr;
    const bool unknown = getaddrinfo(host.c_str(), nullptr, nullptr, &found) != 0;
    if (found != nullptr) freeaddrinfo(found);
    return unknown;
}

// Some FFmpeg speaks where it was built with their libraries.
std::string unknown_protocol(const std::string& scheme) {
    const std::string begin = "begins with " + scheme + ", which ";
    for (const char* each : {"srt://", "rist://", "zmq://", "amqp://", "sftp://", "smb://"}) {
        if (scheme == each) return begin + "the installed FFmpeg was built without; send it as RTSP, RTMP or HTTP";
    }
    if (scheme == "v4l2://") return begin + "is no protocol; give a camera's number or /dev/videoN";
    return begin + "FFmpeg does not speak; check its spelling (rtsp://, http://)";
}

}  // namespace

Reason refusal(int code, const std::string& url, bool verified) {
    if (verified && code == AVERROR(EIO)) {
        return {is_unknown_host(url) ? "unknown_host" : "no_video",
                "cannot be opened: it sends no video, is not known here, or its certificate is not one of those that are "
                "trusted; for one of your own give --ca FILE"};
    }
    switch (code) {
        case AVERROR_HTTP_UNAUTHORIZED:
        case AVERROR_HTTP_FORBIDDEN:
            return {"unauthorised", std::string(take_apart(url).userinfo ? "refuses this user and password"
                                                                     : "asks for user and password") +
                                        " (" + words_of(code) +
                                        "); give them by --credentials FILE, or in the URL with / # @ and blanks "
                                        "percent-encoded"};
        case AVERROR_HTTP_NOT_FOUND:
            return {"no_such_stream", "has no such stream (" + words_of(code) + "); check the path behind the host's name"};
        case AVERROR_HTTP_SERVER_ERROR:
            return {"unavailable", "cannot be opened (" + words_of(code) + "); the server fails: look at it, or try again later"};
        case AVERROR(ECONNREFUSED):
            return {"refused",
                    "refused the connection: nothing listens at that port; check host and port, and whether it is on"};
        case AVERROR_PROTOCOL_NOT_FOUND:
            return {"unsupported", unknown_protocol(take_apart(url).scheme)};
        case AVERROR(EADDRNOTAVAIL):
            if (!has_usual_port(url)) {
                return {"unreachable",
                        "names an address that this machine does not have; 0.0.0.0 receives at all that it has"};
            }
            [[fallthrough]];  // no IPv6 here, say
        case AVERROR(EHOSTUNREACH):
        case AVERROR(ENETUNREACH):
            return {"unreachable",
                    "cannot be reached: no host answers at that address; is it on, does the network lead there?"};
        case AVERROR(EPROTONOSUPPORT):
            if (take_apart(url).scheme != "rtsp://") break;
            return {"unavailable", "does not send by that transport; try --source-option rtsp_transport=udp, or tcp"};
        case AVERROR(EADDRINUSE):
            return {"unavailable", "cannot be received: another program holds that port; end it, or send to another port"};
        case AVERROR(ETIMEDOUT):
            return {"timeout", "did not answer; is it there, does the network reach it?"};
        case AVERROR_INVALIDDATA:
            if (take_apart(url).scheme == "rtp://") {
                return {"no_video", "sends no video that can be read without its description (SDP); serve that and give "
                                    "http://HOST/NAME.sdp, or send MPEG-TS"};
            }
            if (take_apart(url).rest.find(".m3u8") != std::string::npos) {
                return {"no_video", "answers, but gives no video that can be decoded: does its server refuse the segments "
                                    "that the playlist names, or the key to them?"};
            }
            return {"no_video", "answers, but sends no video that can be decoded; does it play elsewhere?"};
        case AVERROR(EIO):
            if (is_unknown_host(url)) {
                return {"unknown_host", "has a host that is not known here; check its spelling and the network's name "
                                        "server"};
            }
            return {"no_video", "answers, but sends no video; does it play elsewhere?"};
        default: break;
    }
    return {"unavailable", "cannot be opened (" + words_of(code) + "); check the URL"};
}

std::string through_proxy(const std::string& url) {
    const std::string scheme = take_apart(url).scheme;
    const char* proxy = std::getenv("http_proxy");
    const bool proxied = (scheme == "http://" || scheme == "https://") && proxy != nullptr &&
                         std::string(proxy).rfind("http://", 0) == 0;
    return proxied ? " (asked through the proxy of http_proxy, unless no_proxy says otherwise)" : "";
}

Reason loss(int code, double timeout) {
    if (code == AVERROR_EXIT || code == AVERROR(ETIMEDOUT)) {
        char text[64];
        std::snprintf(text, sizeof text, "gave no frame for %g s", timeout);
        return {"timeout", text};
    }
    if (code == AVERROR(EIO)) return {"closed", "closed the connection"};
    return {refusal(code, "", false).cause, "broke off (" + words_of(code) + ")"};
}

}  // namespace app
