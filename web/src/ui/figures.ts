// Figures as people read them.

/** 75.4 → "1:15". */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const minutes = Math.floor(whole / 60);
  const rest = String(whole % 60).padStart(2, "0");
  if (minutes < 60) return `${minutes}:${rest}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}

/** 4813012 → "4.8 MB". */
export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  if (bytes < 999_950) return `${(bytes / 1000).toFixed(1)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** A figure with at most `digits` behind the point; "–" where there is none. */
export function measure(value: number | null | undefined, unit: string, digits = 2): string {
  if (value === null || value === undefined) return "–";
  const text = new Intl.NumberFormat("en", { maximumFractionDigits: digits }).format(value);
  return unit ? `${text} ${unit}` : text;
}

/** { tonic: "Bb", mode: "minor" } → "B♭ minor". */
export function keyName({ tonic, mode }: { tonic: string; mode: string }): string {
  return `${tonic.replace("b", "♭").replace("#", "♯")} ${mode}`;
}

export function day(iso: string): string {
  return new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" }).format(new Date(iso));
}
