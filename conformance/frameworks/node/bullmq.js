// BullMQ, the current major version.
"use strict";

require("./_bullmq.js")("bullmq");
