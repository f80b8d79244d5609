// The bytes, straight to the bucket: XMLHttpRequest, because fetch tells nothing of an upload's progress.

import { ProblemError } from "../api/problem";
import type { UploadForm } from "../api/types";

/** Send a file by its form. `onProgress` hears 0 to 1. Throws ProblemError, and AbortError when `signal` says so. */
export function send(
  file: File,
  form: UploadForm,
  onProgress: (part: number) => void,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const stop = () => {
      request.abort();
    };
    const fail = (detail: string, mend: string) => {
      reject(new ProblemError({ code: "upload.failed", detail, mend }, request.status));
    };
    request.upload.onprogress = ({ loaded, total }) => {
      onProgress(total ? loaded / total : 0);
    };
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) resolve();
      else fail(`The upload was refused (HTTP ${request.status}).`, "Choose the file again.");
    };
    request.onerror = () => {
      fail("The upload broke off.", "Check your connection, then try again.");
    };
    request.onabort = () => {
      reject(new DOMException("The upload was stopped.", "AbortError"));
    };
    request.onloadend = () => {
      signal.removeEventListener("abort", stop);
    };
    signal.addEventListener("abort", stop);

    const body = new FormData();
    for (const [name, value] of Object.entries(form.fields)) body.append(name, value);
    // S3 reads the fields in order: what stands behind the file does not count.
    body.append("file", file);
    request.open("POST", form.url);
    request.send(body);
  });
}
