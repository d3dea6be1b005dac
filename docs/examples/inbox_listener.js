document.addEventListener("inbox", (event) => console.log(event.detail.label));
