"""Lectern's engine: llama.cpp behind LM Studio's HTTP dialect, for when no LM Studio answers.

`app` holds the routes, `prediction` the story of one request (find the model, take a slot, ask
llama.cpp, relay the answer), `catalogue` the model files and which of them are loaded, `llama` one
running llama.cpp, and one module per dialect (`chat`, `completions`, `responses`, `messages`,
`native_chat`, `embeddings`) the translation of its requests, replies and stream events.
"""
