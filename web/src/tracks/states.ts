import type { Track } from "../api/types";

export const STATES: Record<Track["status"], string> = {
  awaiting_upload: "waiting for its file",
  validating: "being checked",
  ready: "ready",
  rejected: "rejected",
  expired: "expired",
};
