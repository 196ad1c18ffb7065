"""The teaching computations, with no UI in them: token probabilities, temperature, quantization,
context. It may import `chat_client`; the web UIs import it. Empty so far: the seam is laid.
"""
