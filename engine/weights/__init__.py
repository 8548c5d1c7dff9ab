"""The weights lever: LoRA adapters trained on the harness's own calls, in a process of their own."""
