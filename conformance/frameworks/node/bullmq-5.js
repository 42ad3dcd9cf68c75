// BullMQ 5, which most programs still use.
"use strict";

require("./_bullmq.js")("bullmq-5");
