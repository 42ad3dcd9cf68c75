//! Event loops: sockets in, engine calls, sockets out.
