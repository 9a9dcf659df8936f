from penstock.common.unsupported import *
