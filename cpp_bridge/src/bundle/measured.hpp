// What was measured on an artifact, as edgeseg/measured.py and edgeseg/agreement.py read it.
#pragma once

#include "edgeseg/bundle.hpp"
#include "json.hpp"

namespace edgeseg {

// Takes from the facts in bundle.json what decides whether an artifact is run.
void read_measured(const Json& measured, Artifact& artifact);

// Whether, by what was measured, an artifact may be run in place of `fp32`: accuracy decides where both were measured on the
// same labels, else the agreement of the masks. What is damaged proves nothing.
bool keeps_accuracy_of(const Artifact& ours, const Artifact& fp32);

}  // namespace edgeseg
