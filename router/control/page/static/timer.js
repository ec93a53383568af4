// Does something again and again, but only while somebody looks.

/**
 * @param {() => Promise<any>} work
 * @param {number} every milliseconds from its end to its next beginning
 * @returns {() => void} ends it
 */
export function repeated(work, every) {
  let isOver = false;
  let timer = 0;
  let isWorking = false;
  async function turn() {
    if (isOver || document.hidden || isWorking) return;
    isWorking = true;
    try {
      await work();
    } finally {
      isWorking = false;
    }
    if (!isOver) timer = setTimeout(turn, every);
  }
  function visible() {
    clearTimeout(timer);
    turn();
  }
  document.addEventListener("visibilitychange", visible);
  turn();
  return () => {
    isOver = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", visible);
  };
}
