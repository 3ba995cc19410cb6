"""Writes a language model of random weights, half a megabyte: enough for a real server to answer."""

import sys

import gguf
import numpy as np

LAYERS, WIDTH, HEADS, HIDDEN, CONTEXT = 1, 64, 2, 128, 4096

random = np.random.default_rng(7)
tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
kinds = [2, 3, 3] + [6] * 256

writer = gguf.GGUFWriter(sys.argv[1], "llama")
writer.add_name("random")
writer.add_context_length(CONTEXT)
writer.add_embedding_length(WIDTH)
writer.add_block_count(LAYERS)
writer.add_feed_forward_length(HIDDEN)
writer.add_head_count(HEADS)
writer.add_head_count_kv(HEADS)
writer.add_rope_dimension_count(WIDTH // HEADS)
writer.add_layer_norm_rms_eps(1e-5)
writer.add_vocab_size(len(tokens))
writer.add_tokenizer_model("llama")
writer.add_token_list(tokens)
writer.add_token_scores([0.0] * len(tokens))
writer.add_token_types(kinds)
writer.add_bos_token_id(1)
writer.add_eos_token_id(2)


def tensor(name, *shape):
    writer.add_tensor(name, (random.standard_normal(shape) * 0.1).astype(np.float32))


tensor("token_embd.weight", len(tokens), WIDTH)
tensor("output.weight", len(tokens), WIDTH)
writer.add_tensor("output_norm.weight", np.ones(WIDTH, dtype=np.float32))
for layer in range(LAYERS):
    block = f"blk.{layer}."
    writer.add_tensor(block + "attn_norm.weight", np.ones(WIDTH, dtype=np.float32))
    writer.add_tensor(block + "ffn_norm.weight", np.ones(WIDTH, dtype=np.float32))
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        tensor(block + name + ".weight", WIDTH, WIDTH)
    tensor(block + "ffn_gate.weight", HIDDEN, WIDTH)
    tensor(block + "ffn_up.weight", HIDDEN, WIDTH)
    tensor(block + "ffn_down.weight", WIDTH, HIDDEN)

writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
