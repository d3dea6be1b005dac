importScripts("/push/service_worker.js");
