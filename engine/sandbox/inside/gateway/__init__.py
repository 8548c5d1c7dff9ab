"""The model gateway: the wire forms of OpenAI and Anthropic on the sandbox's own loopback, in front of `ctx.model`.

Each form is a module that turns a request into `Asked` and a reply into what the vendor's SDK reads, without a socket.
`server` has the socket. Nothing here is trusted: the engine sees the same calls as from `ctx.model`, and checks them.
"""
