"""HTTP/2 for the test upstream, by Debian's python3-h2; absent, the server offers HTTP/1.1 only."""
try:
    import h2.config
    import h2.connection
    import h2.errors
    import h2.events
    import h2.exceptions
    import h2.settings
    AVAILABLE = True
except ImportError:
    AVAILABLE = False

from upstream_replies import Request


class Stream:
    def __init__(self, headers):
        self.headers, self.body, self.answered = headers, b"", False
        self.left, self.trailers = b"", []  # of the reply


class Connection:
    """One connection; `sock` has finished its handshake and chosen "h2"."""

    def __init__(self, sock, replies):
        self.sock, self.replies, self.streams, self.leaving = sock, replies, {}, False
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))

    def run(self):
        self.h2.initiate_connection()
        self.sock.sendall(self.h2.data_to_send())
        while True:
            data = self.sock.recv(65536)
            if not data:
                return
            try:
                events = self.h2.receive_data(data)
            except h2.exceptions.ProtocolError:
                self.sock.sendall(self.h2.data_to_send())
                return
            for event in events:
                self.handle(event)
            for stream_id in list(self.streams):
                self.push(stream_id)
            self.sock.sendall(self.h2.data_to_send())
            if self.leaving:
                self.drain()
                return

    def drain(self):
        """What the client has sent is read: to close before that would reset the connection, reply and all."""
        self.sock.settimeout(0.1)
        try:
            while self.sock.recv(65536):
                pass
        except OSError:
            pass

    def handle(self, event):
        if isinstance(event, h2.events.RequestReceived):
            self.streams[event.stream_id] = Stream(event.headers)
            if (":path", "/early") in event.headers:  # an answer before the request's body
                self.reply(event.stream_id)
        elif isinstance(event, h2.events.DataReceived):
            if event.stream_id in self.streams:
                self.streams[event.stream_id].body += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            if event.stream_id in self.streams:
                self.reply(event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            self.streams.pop(event.stream_id, None)

    def reply(self, stream_id):
        stream = self.streams[stream_id]
        if stream.answered:
            return
        stream.answered = True
        pseudo = dict((n, v) for n, v in stream.headers if n.startswith(":"))
        plain = [(n, v) for n, v in stream.headers if not n.startswith(":")]
        plain.append(("Host", pseudo.get(":authority", "")))
        reply = self.replies.answer(Request(pseudo[":method"], pseudo[":path"], plain, stream.body, "HTTP/2"))
        if reply.fault == "close":  # told to go, as a server that shuts down tells it
            self.h2.close_connection(last_stream_id=0)
            return
        if reply.fault == "leave":
            self.h2.send_headers(stream_id, [(":status", "200")], end_stream=True)
            self.streams.pop(stream_id)
            self.leaving = True
            return
        if reply.fault:
            self.h2.reset_stream(stream_id, h2.errors.ErrorCodes.INTERNAL_ERROR)
            self.streams.pop(stream_id)
            return
        headers = [(":status", str(reply.status))]
        headers += [(n.lower(), v) for n, v in reply.headers if n != "Trailer"]
        stream.left, stream.trailers = reply.body, [(n.lower(), v) for n, v in reply.trailers]
        if pseudo[":method"] == "HEAD":
            stream.left = b""
        done = not stream.left and not stream.trailers
        self.h2.send_headers(stream_id, headers, end_stream=done)
        if done:
            self.streams.pop(stream_id)

    def push(self, stream_id):
        """As much of the reply as the client's window takes."""
        stream = self.streams[stream_id]
        while stream.left:
            size = min(self.h2.local_flow_control_window(stream_id), self.h2.max_outbound_frame_size, len(stream.left))
            if size <= 0:
                return
            part, stream.left = stream.left[:size], stream.left[size:]
            last = not stream.left and not stream.trailers
            self.h2.send_data(stream_id, part, end_stream=last)
            if last:
                self.streams.pop(stream_id)
                return
        if stream.trailers:
            self.h2.send_headers(stream_id, stream.trailers, end_stream=True)
            self.streams.pop(stream_id)
