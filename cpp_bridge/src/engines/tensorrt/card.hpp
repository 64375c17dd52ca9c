// What the engine tensorrt needs of CUDA: memory on both sides, a stream, and work that is repeated as one graph. Every
// function throws Error (engine) where the card fails, or there is none.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <functional>
#include <new>
#include <string>

namespace edgeseg::card {

// Throws unless `code` is success; `what` is what was to be done.
void check(cudaError_t code, const char* what);

// Compute capability of the first card, "8.7".
std::string capability();

// While it lives, the first card is the thread's current one, whichever the program works with elsewhere: a stream, memory
// and a plan belong to the card that was current when they were made, and are of no use to another.
class FirstCard {
  public:
    FirstCard() { check(use(), "be made the current one"); }
    explicit FirstCard(const std::nothrow_t&) noexcept;  // for destructors
    ~FirstCard();
    FirstCard(const FirstCard&) = delete;
    FirstCard& operator=(const FirstCard&) = delete;

  private:
    cudaError_t use() noexcept;

    int previous_ = 0;
};

class Stream {
  public:
    Stream();
    ~Stream();
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    cudaStream_t get() const { return stream_; }
    void synchronise() const;

    // Has `work` enqueue; where that fails half-way, the first half is over before the error goes on, and frees its memory.
    template <typename Work>
    void enqueue(Work work) const {
        try {
            work();
        } catch (...) {
            drain();
            throw;
        }
    }

  private:
    void drain() const noexcept;

    cudaStream_t stream_ = nullptr;
};

// Bytes of the card.
class Memory {
  public:
    explicit Memory(std::size_t bytes);
    ~Memory();
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;

    template <typename T>
    T* as() const {
        return static_cast<T*>(data_);
    }
    std::size_t bytes() const { return bytes_; }

  private:
    void* data_ = nullptr;
    std::size_t bytes_;
};

// Bytes of the host that the card reads and writes by itself.
class Pinned {
  public:
    explicit Pinned(std::size_t bytes);
    ~Pinned();
    Pinned(const Pinned&) = delete;
    Pinned& operator=(const Pinned&) = delete;

    template <typename T>
    T* as() const {
        return static_cast<T*>(data_);
    }
    std::size_t bytes() const { return bytes_; }

  private:
    void* data_ = nullptr;
    std::size_t bytes_;
};

// Work for a stream that is done again and again: call by call at first, for what runs for the first time allocates,
// which no graph can hold; from then on as one graph, and call by call for ever where the driver cannot capture it.
class Repeated {
  public:
    Repeated(const Stream& stream, std::function<void()> enqueue);
    ~Repeated();
    Repeated(const Repeated&) = delete;
    Repeated& operator=(const Repeated&) = delete;

    void launch();

    // Why it stays call by call; "" if it does not.
    const std::string& without_graph() const { return without_graph_; }

  private:
    void capture();

    const Stream& stream_;
    std::function<void()> enqueue_;
    bool ran_ = false;
    cudaGraphExec_t graph_ = nullptr;
    std::string without_graph_;
};

}  // namespace edgeseg::card
