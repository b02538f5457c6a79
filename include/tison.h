/* tison.h - PyTorch's semantics in plain C: tensors, autograd, modules that register their parameters themselves, optimizers, data, files. */
#ifndef TISON_H
#define TISON_H
#include <tison/base.h>
#include <tison/memory.h>
#include <tison/file.h>
#include <tison/tensor.h>
#include <tison/dlpack.h>
#include <tison/value.h>
#include <tison/autograd.h>
#include <tison/module.h>
#include <tison/ops.h>
#include <tison/call.h>
#include <tison/nn.h>
#include <tison/optim.h>
#include <tison/data.h>
#include <tison/serialize.h>
#endif
