// The API for every part of the page that is signed in.

import { createContext, useContext } from "react";
import type { Api } from "./client";

export const ApiContext = createContext<Api | null>(null);

export function useApi(): Api {
  const api = useContext(ApiContext);
  if (!api) throw new Error("useApi stands outside of the signed-in part of the page.");
  return api;
}
