// Which place of the page is shown: the path, without a library, since there are two.

import { type AnchorHTMLAttributes, type MouseEvent, useSyncExternalStore } from "react";

const MOVED = "tonearm:moved";

export function goTo(path: string): void {
  history.pushState(null, "", path);
  dispatchEvent(new Event(MOVED));
  scrollTo(0, 0);
}

export function usePlace(): string {
  return useSyncExternalStore(
    (moved) => {
      addEventListener("popstate", moved);
      addEventListener(MOVED, moved);
      return () => {
        removeEventListener("popstate", moved);
        removeEventListener(MOVED, moved);
      };
    },
    () => location.pathname,
  );
}

/** A link within the page; a new tab and the like stay the browser's business. */
export function PlaceLink({ href, children, ...rest }: AnchorHTMLAttributes<HTMLAnchorElement> & { href: string }) {
  const follow = (event: MouseEvent) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    goTo(href);
  };
  return (
    <a href={href} onClick={follow} {...rest}>
      {children}
    </a>
  );
}
